//! What a peer lacks: runs in order of arrival, which is a causal order, and single bodies.

use nocturne_core::limits::{MAX_RUN_BYTES, MAX_RUN_ENTRIES};
use nocturne_core::{Entry, EntryHash, Frontier, OpBody, OpRef, Signature, SignedRun};
use redb::{Range, ReadableTable};

use super::Snapshot;
use crate::block::{Block, Stored, StoredEntry};
use crate::error::{Damage, StorageError};
use crate::keyring::Cursor;
use crate::seal::{self, Nonce};
use crate::tables::{Arrival, WANTED};

/// What to send next.
#[derive(Debug, Clone)]
pub struct RunsQuery<'a> {
    /// What the peer has.
    pub have: &'a Frontier,
    /// Where to go on; 0 to begin.
    pub from_revision: u64,
    /// Stop after about this many bytes.
    pub max_bytes: usize,
}

/// Runs, and where to go on.
#[derive(Debug, Clone)]
pub struct RunsPage {
    /// In a causal order.
    pub runs: Vec<SignedRun>,
    /// The revision to ask from next; `None` when this was all.
    pub next_revision: Option<u64>,
}

/// A run in the making: what arrived on one log without a gap.
struct Open {
    author: u32,
    /// The seq that goes on.
    next: u64,
    entries: Vec<Entry>,
    size: usize,
    signature: Signature,
}

/// Where the last arrival was read: the next one on the same log lies right behind it.
struct Reader {
    author: u32,
    next: u64,
    blocks: Range<'static, (u32, u64), &'static [u8]>,
}

impl Snapshot {
    /// The next runs that the peer lacks. Runs that arrived one after the other on one log travel
    /// as one, under the last one's signature, as long as they fit.
    pub fn runs_since(&self, query: &RunsQuery<'_>) -> Result<RunsPage, StorageError> {
        let arrivals = self.arrivals()?;
        let mut page = RunsPage {
            runs: Vec::new(),
            next_revision: None,
        };
        let mut bytes = 0;
        let mut open: Option<Open> = None;
        let mut reader: Option<Reader> = None;
        for row in arrivals.range(query.from_revision..)? {
            let (revision, row) = row?;
            let Arrival::Run {
                author,
                first_seq,
                count,
            } = Arrival::read(row.value())?
            else {
                continue;
            };
            let have = query.have.seq(&self.authors.id(author)?);
            let (first, last) = Arrival::seqs(first_seq, count)?;
            if last <= have {
                continue;
            }
            if bytes >= query.max_bytes {
                page.next_revision = Some(revision.value());
                break;
            }
            let more = self.arrived(author, first.max(have + 1), last, &mut reader)?;
            bytes += more.size;
            match &mut open {
                Some(open) if open.takes(&more) => open.extend(more),
                _ => page.runs.extend(open.replace(more).map(Open::close)),
            }
        }
        page.runs.extend(open.map(Open::close));
        Ok(page)
    }

    /// Entries of one arrival, from a seq on.
    fn arrived(
        &self,
        author: u32,
        first: u64,
        last: u64,
        reader: &mut Option<Reader>,
    ) -> Result<Open, StorageError> {
        let mut blocks = match reader.take() {
            Some(reader) if (reader.author, reader.next) == (author, first) => reader.blocks,
            _ => {
                let row = self
                    .blocks
                    .range((author, 0)..=(author, first))?
                    .next_back();
                let at = self.authors.entry(author, first)?;
                let start = row.ok_or(Damage::Entry(at))??.0.value();
                self.blocks.range(start..=(author, u64::MAX))?
            }
        };
        let broken = Damage::Chain(self.authors.id(author)?);
        let (mut entries, mut size) = (Vec::new(), 0);
        loop {
            let (place, bytes) = blocks.next().ok_or(broken)??;
            let (_, first_seq) = place.value();
            let block = Block::decode(bytes.value())?;
            size += self.entries_of(author, first_seq, &block, first, &mut entries)?;
            let count = block.entries.len() as u64;
            let next = first_seq.checked_add(count).ok_or(broken)?;
            if next > last {
                // A run is signed where it ends, and a block ends with it.
                let signature = block.signature.ok_or(broken)?;
                if next != last + 1 || entries.len() as u64 != next - first {
                    return Err(broken.into());
                }
                *reader = Some(Reader {
                    author,
                    next,
                    blocks,
                });
                return Ok(Open {
                    author,
                    next,
                    entries,
                    size,
                    signature,
                });
            }
        }
    }

    /// Entries of a block from a seq on, unsealed.
    fn entries_of(
        &self,
        author: u32,
        first_seq: u64,
        block: &Block,
        from: u64,
        out: &mut Vec<Entry>,
    ) -> Result<usize, StorageError> {
        let id = self.authors.id(author)?;
        let mut prev: EntryHash = block.prev;
        let mut size = 0;
        out.reserve(block.entries.len());
        self.shared.with_keyring(|keyring| {
            let mut keys = keyring.cursor();
            for (seq, stored) in (first_seq..=u64::MAX).zip(&block.entries) {
                let header = stored.header(self.shared.id, id, seq, prev, &self.authors)?;
                prev = header.hash();
                if seq >= from {
                    let entry = Entry {
                        bodies: self.bodies_of(author, seq, stored, &block.nonce, &mut keys)?,
                        header,
                    };
                    size += entry.size();
                    out.push(entry);
                }
            }
            Ok(size)
        })
    }

    fn bodies_of(
        &self,
        author: u32,
        seq: u64,
        stored: &StoredEntry,
        block_nonce: &Nonce,
        keys: &mut Cursor<'_>,
    ) -> Result<Vec<Option<OpBody>>, StorageError> {
        let mut bodies = Vec::with_capacity(stored.ops.len());
        for (op, stored) in (0..).zip(&stored.ops) {
            let (number, nonce, bytes) = match &stored.body {
                Stored::Forgotten | Stored::Wanted => {
                    bodies.push(None);
                    continue;
                }
                Stored::Sealed { number, bytes } => (*number, block_nonce, bytes),
                Stored::SealedLater {
                    number,
                    nonce,
                    bytes,
                } => (*number, nonce, bytes),
            };
            // Punctured since this snapshot was taken: forgotten.
            let Some(key) = keys.key(number) else {
                bodies.push(None);
                continue;
            };
            let body = seal::unseal(&key, nonce, bytes, stored.commitment);
            let at = self.authors.op(author, seq, op)?;
            bodies.push(Some(body.ok_or(Damage::Body(at))?));
        }
        Ok(bodies)
    }

    /// Operations whose bodies have not come yet, at most `limit`.
    pub fn wanted(&self, limit: usize) -> Result<Vec<OpRef>, StorageError> {
        let mut out = Vec::new();
        for row in self.transaction.open_table(WANTED)?.iter()?.take(limit) {
            let (author, seq, op) = row?.0.value();
            out.push(self.authors.op(author, seq, op)?);
        }
        Ok(out)
    }

    /// The bodies that are here of those asked for.
    pub fn bodies(&self, places: &[OpRef]) -> Result<Vec<(OpRef, OpBody)>, StorageError> {
        let mut out = Vec::new();
        for at in places {
            let Some(author) = self.has(at.entry())? else {
                continue;
            };
            let Some((_, stored, nonce)) = self.find_op((author, at.seq, at.op))? else {
                continue;
            };
            if let Ok(body) = self.unseal(*at, &stored, &nonce)? {
                out.push((*at, body));
            }
        }
        Ok(out)
    }
}

impl Open {
    fn takes(&self, more: &Self) -> bool {
        (self.author, Some(self.next)) == (more.author, more.first())
            && self.entries.len() + more.entries.len() <= MAX_RUN_ENTRIES
            && self.size + more.size <= MAX_RUN_BYTES
    }

    fn first(&self) -> Option<u64> {
        self.entries.first().map(|entry| entry.header.seq)
    }

    fn extend(&mut self, more: Self) {
        self.next = more.next;
        self.entries.extend(more.entries);
        self.size += more.size;
        self.signature = more.signature;
    }

    fn close(self) -> SignedRun {
        SignedRun::new(self.entries, self.signature)
    }
}
