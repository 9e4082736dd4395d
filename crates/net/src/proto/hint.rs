//! What is broadcast on a store's gossip topic: new runs, or word that there are some.

use bytes::Bytes;
use nocturne_core::wire::messages::Runs;
use nocturne_core::wire::{RunDecoder, RunEncoder};
use nocturne_core::{AuthorId, EntryRef, SignedRun, StoreId};
use prost::Message as _;

use super::error::Violation;
use super::messages::wire::{Announce, Gossip, gossip::Kind};
use super::scan;

/// A gossip message. It may be lost or come twice; it never needs an answer.
#[derive(Debug, Clone)]
pub enum Hint {
    /// New runs, unverified.
    Runs(Vec<SignedRun>),
    /// There are entries up to this one.
    Announce(EntryRef),
}

impl Hint {
    /// The message; for runs the encoded size decides whether they can be sent at all.
    pub fn encode(&self) -> Bytes {
        let kind = match self {
            Self::Runs(runs) => {
                let mut encoder = RunEncoder::new();
                let runs = runs.iter().filter_map(|run| encoder.run(run)).collect();
                Kind::Runs(Runs {
                    new_authors: encoder.take_new_authors(),
                    runs,
                })
            }
            Self::Announce(at) => Kind::Announce(Announce {
                author: Bytes::copy_from_slice(at.author.as_bytes()),
                seq: at.seq,
            }),
        };
        Gossip { kind: Some(kind) }.encode_to_vec().into()
    }

    /// Reads a message from anyone. What comes out is as trustworthy as who sent it: verify runs
    /// before use.
    pub fn decode(store: StoreId, message: &Bytes) -> Result<Self, Violation> {
        let (number, offset) = scan::only_field(message)?;
        let body = message.slice(offset..);
        match number {
            1 => {
                scan::runs(&body)?;
                let runs = Runs::decode(body).map_err(|_| Violation::Malformed)?;
                let mut decoder = RunDecoder::new(store);
                decoder.new_authors(&runs.new_authors)?;
                let runs: Result<Vec<_>, _> =
                    runs.runs.into_iter().map(|run| decoder.run(run)).collect();
                Ok(Self::Runs(runs?))
            }
            2 => {
                let announce = Announce::decode(body).map_err(|_| Violation::Malformed)?;
                let author = AuthorId::from_slice(&announce.author).ok_or(Violation::Malformed)?;
                Ok(Self::Announce(EntryRef {
                    author,
                    seq: announce.seq,
                }))
            }
            _ => Err(Violation::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_announcement_round_trips() {
        let at = EntryRef {
            author: AuthorId::from_bytes([3; 32]),
            seq: 77,
        };
        let message = Hint::Announce(at).encode();
        let hint = Hint::decode(StoreId::ZERO, &message).unwrap();
        assert!(matches!(hint, Hint::Announce(got) if got == at));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Hint::decode(StoreId::ZERO, &Bytes::from(bytes));
        }
    }
}
