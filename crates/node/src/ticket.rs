//! Invite tickets: what an inviter hands to a node that shall join, as one line of text.
//!
//! The text is `nocturne` followed by lower-case base32 (RFC 4648, no padding) of
//! `version ‖ mesh ‖ genesis ‖ inviter ‖ seed ‖ expires_ms ‖ addresses ‖ relay ‖ checksum`; integers are
//! big-endian, the checksum is the first four bytes of a derived BLAKE3 hash of all that precedes it.
//! The seed is the secret key of the *ticket key*: whoever holds the text can connect under it, once.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use nocturne_core::{AuthorId, GenesisHash, Identity, StoreId};
use nocturne_net::transport::PeerAddr;
use zeroize::Zeroizing;

const PREFIX: &str = "nocturne";
const VERSION: u8 = 1;
const CHECKSUM_LEN: usize = 4;
const CHECKSUM_CONTEXT: &str = "nocturne 2026-11-20 v1 ticket checksum";
/// More addresses than this help nobody and make the text unwieldy.
pub const MAX_ADDRESSES: usize = 16;
/// No valid ticket is longer; a longer text is refused before it is decoded.
const MAX_TEXT: usize = 2_048;
const TAG_V4: u8 = 4;
const TAG_V6: u8 = 6;

/// A single-use, expiring invitation into a mesh.
///
/// Its text form is [`Display`](fmt::Display) and [`FromStr`]; `Debug` leaves the secret out.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The mesh's root store.
    pub mesh: StoreId,
    /// Hash of the root store's genesis record: the joiner accepts no other root.
    pub genesis: GenesisHash,
    /// The member that wrote the invite and answers the join, and where it was reachable then.
    pub inviter: PeerAddr,
    /// Secret seed of the ticket key.
    pub seed: Zeroizing<[u8; 32]>,
    /// Unix milliseconds after which the inviter refuses it.
    pub expires_ms: u64,
}

/// Why a text is not a ticket.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketError {
    /// It does not begin as tickets do.
    #[error("a ticket begins with `nocturne`")]
    NotATicket,
    /// A character that base32 does not have.
    #[error("character {position} does not belong in a ticket")]
    BadCharacter {
        /// Position from 1.
        position: usize,
    },
    /// The checksum does not match: a character is wrong or missing.
    #[error("its checksum does not match, so a character is wrong or missing")]
    Mistyped,
    /// It is well-formed but of a version that this program does not know.
    #[error("it has version {0}, this program reads version {VERSION}")]
    UnknownVersion(u8),
    /// The checksum matches but the fields do not parse.
    #[error("its fields do not parse")]
    Malformed,
}

impl Ticket {
    /// The identity under which the joiner connects.
    pub fn key(&self) -> Identity {
        Identity::from_secret_bytes(&self.seed)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(160);
        out.push(VERSION);
        out.extend_from_slice(self.mesh.as_bytes());
        out.extend_from_slice(self.genesis.as_bytes());
        out.extend_from_slice(self.inviter.id.as_bytes());
        out.extend_from_slice(self.seed.as_slice());
        out.extend_from_slice(&self.expires_ms.to_be_bytes());
        let addresses = self.inviter.direct.iter().take(MAX_ADDRESSES);
        out.push(u8::try_from(addresses.len()).unwrap_or(u8::MAX));
        for address in addresses {
            match address.ip() {
                IpAddr::V4(ip) => {
                    out.push(TAG_V4);
                    out.extend_from_slice(&ip.octets());
                }
                IpAddr::V6(ip) => {
                    out.push(TAG_V6);
                    out.extend_from_slice(&ip.octets());
                }
            }
            out.extend_from_slice(&address.port().to_be_bytes());
        }
        // A relay that doesn't fit is left out rather than cut.
        let relay = self.inviter.relay.as_deref().unwrap_or_default();
        let (relay_len, relay) = u8::try_from(relay.len()).map_or((0, ""), |len| (len, relay));
        out.push(relay_len);
        out.extend_from_slice(relay.as_bytes());
        out.extend_from_slice(&checksum(&out));
        out
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_LEN] {
    let hash = blake3::derive_key(CHECKSUM_CONTEXT, bytes);
    let mut sum = [0; CHECKSUM_LEN];
    sum.iter_mut().zip(hash).for_each(|(s, h)| *s = h);
    sum
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{PREFIX}{}",
            BASE32_NOPAD.encode(&self.encode()).to_ascii_lowercase()
        )
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("mesh", &self.mesh)
            .field("inviter", &self.inviter)
            .field("expires_ms", &self.expires_ms)
            .finish_non_exhaustive()
    }
}

impl FromStr for Ticket {
    type Err = TicketError;

    fn from_str(text: &str) -> Result<Self, TicketError> {
        let text = text.trim();
        if text.len() > MAX_TEXT {
            return Err(TicketError::NotATicket);
        }
        let text = text.to_ascii_lowercase();
        let body = text.strip_prefix(PREFIX).ok_or(TicketError::NotATicket)?;
        if let Some(at) = body
            .bytes()
            .position(|b| !matches!(b, b'a'..=b'z' | b'2'..=b'7'))
        {
            return Err(TicketError::BadCharacter {
                position: PREFIX.len() + at + 1,
            });
        }
        let bytes = BASE32_NOPAD
            .decode(body.to_ascii_uppercase().as_bytes())
            .map_err(|_| TicketError::Mistyped)?;
        let (fields, sum) = bytes
            .split_last_chunk::<CHECKSUM_LEN>()
            .ok_or(TicketError::Mistyped)?;
        if checksum(fields) != *sum {
            return Err(TicketError::Mistyped);
        }
        let mut reader = Reader(fields);
        let [version] = reader.take()?;
        if version != VERSION {
            return Err(TicketError::UnknownVersion(version));
        }
        let mesh = StoreId::from_bytes(reader.take()?);
        let genesis = GenesisHash::from_bytes(reader.take()?);
        let id = AuthorId::from_bytes(reader.take()?);
        let seed = Zeroizing::new(reader.take()?);
        let expires_ms = u64::from_be_bytes(reader.take()?);
        let direct = reader.addresses()?;
        let relay = reader.relay()?;
        if !reader.0.is_empty() {
            return Err(TicketError::Malformed);
        }
        let inviter = PeerAddr { id, direct, relay };
        Ok(Ticket {
            mesh,
            genesis,
            inviter,
            seed,
            expires_ms,
        })
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], TicketError> {
        let (head, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(TicketError::Malformed)?;
        self.0 = rest;
        Ok(*head)
    }

    fn addresses(&mut self) -> Result<Vec<SocketAddr>, TicketError> {
        let [count] = self.take()?;
        if usize::from(count) > MAX_ADDRESSES {
            return Err(TicketError::Malformed);
        }
        (0..count).map(|_| self.address()).collect()
    }

    fn address(&mut self) -> Result<SocketAddr, TicketError> {
        let [tag] = self.take()?;
        let ip = match tag {
            TAG_V4 => IpAddr::from(self.take::<4>()?),
            TAG_V6 => IpAddr::from(self.take::<16>()?),
            _ => return Err(TicketError::Malformed),
        };
        Ok(SocketAddr::new(ip, u16::from_be_bytes(self.take()?)))
    }

    fn relay(&mut self) -> Result<Option<String>, TicketError> {
        let [len] = self.take()?;
        let (url, rest) = self
            .0
            .split_at_checked(usize::from(len))
            .ok_or(TicketError::Malformed)?;
        self.0 = rest;
        if !url.iter().all(u8::is_ascii_graphic) {
            return Err(TicketError::Malformed);
        }
        let url = std::str::from_utf8(url).map_err(|_| TicketError::Malformed)?;
        Ok((!url.is_empty()).then(|| url.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket() -> Ticket {
        Ticket {
            mesh: StoreId::from_bytes([1; 16]),
            genesis: GenesisHash::from_bytes([2; 32]),
            inviter: PeerAddr {
                id: Identity::from_secret_bytes(&[3; 32]).author(),
                direct: vec![
                    "127.0.0.1:4242".parse().unwrap(),
                    "[::1]:4243".parse().unwrap(),
                ],
                relay: Some("https://relay.example/".to_owned()),
            },
            seed: Zeroizing::new([4; 32]),
            expires_ms: 1_795_200_000_000,
        }
    }

    #[test]
    fn a_ticket_survives_its_text_form() {
        let text = ticket().to_string();
        assert_eq!(text.parse(), Ok(ticket()));
        assert_eq!(format!("  {}\n", text.to_uppercase()).parse(), Ok(ticket()));
    }

    #[test]
    fn every_single_wrong_character_is_noticed() {
        let text = ticket().to_string();
        for at in PREFIX.len()..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[at] = if wrong[at] == b'a' { b'b' } else { b'a' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(
                wrong.parse::<Ticket>().is_err(),
                "character {at} changed unnoticed"
            );
        }
        for len in 0..text.len() {
            assert!(
                text[..len].parse::<Ticket>().is_err(),
                "{len} characters were taken for a ticket"
            );
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        assert_eq!("hello".parse::<Ticket>(), Err(TicketError::NotATicket));
        assert_eq!(
            "nocturneab!".parse::<Ticket>(),
            Err(TicketError::BadCharacter { position: 11 })
        );
        assert_eq!(
            "nocturneaaaaaaaaaaaaaaaa".parse::<Ticket>(),
            Err(TicketError::Mistyped)
        );
        assert_eq!(
            "x".repeat(100_000).parse::<Ticket>(),
            Err(TicketError::NotATicket)
        );
    }

    #[test]
    fn debug_keeps_the_secret() {
        assert!(!format!("{:?}", ticket()).contains("04"));
    }
}
