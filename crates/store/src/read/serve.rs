//! What a peer lacks: runs in order of arrival, which is a causal order, and single bodies.

use nocturne_core::limits::{MAX_RUN_BYTES, MAX_RUN_ENTRIES};
use nocturne_core::{Entry, EntryHash, Frontier, OpBody, OpRef, SignedRun};
use redb::ReadableTable;

use super::Snapshot;
use crate::block::{Block, Stored, StoredEntry};
use crate::error::{Damage, StorageError};
use crate::keyring::Cursor;
use crate::seal::{self, Nonce};
use crate::tables::{Arrival, BODILESS, Bodiless};

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

/// A stretch of one log, contiguous in seq and in arrival.
#[derive(Clone, Copy)]
struct Stretch {
    author: u32,
    first: u64,
    last: u64,
}

impl Snapshot {
    /// The next runs that the peer lacks. Runs that arrived one after the other on one log travel
    /// as one, under the last one's signature.
    pub fn runs_since(&self, query: &RunsQuery<'_>) -> Result<RunsPage, StorageError> {
        let arrivals = self.arrivals()?;
        let mut page = RunsPage {
            runs: Vec::new(),
            next_revision: None,
        };
        let mut bytes = 0;
        let mut stretch: Option<Stretch> = None;
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
            let last = first_seq + u64::from(count) - 1;
            if last <= have {
                continue;
            }
            let first = first_seq.max(have + 1);
            match &mut stretch {
                Some(open)
                    if open.author == author
                        && open.last + 1 == first
                        && last - open.first < MAX_RUN_ENTRIES as u64 =>
                {
                    open.last = last;
                }
                _ => {
                    if let Some(full) = stretch.take() {
                        bytes += self.stretch(full, &mut page.runs)?;
                    }
                    if bytes >= query.max_bytes {
                        page.next_revision = Some(revision.value());
                        return Ok(page);
                    }
                    stretch = Some(Stretch {
                        author,
                        first,
                        last,
                    });
                }
            }
        }
        if let Some(full) = stretch {
            self.stretch(full, &mut page.runs)?;
        }
        Ok(page)
    }

    /// Cuts a stretch into runs at its signatures; returns their size.
    fn stretch(&self, stretch: Stretch, runs: &mut Vec<SignedRun>) -> Result<usize, StorageError> {
        let Stretch {
            author,
            first,
            last,
        } = stretch;
        let id = self.authors.id(author)?;
        let start = match self
            .blocks
            .range((author, 0)..=(author, first))?
            .next_back()
        {
            Some(row) => row?.0.value().1,
            None => return Err(Damage::Entry(self.authors.entry(author, first)?).into()),
        };
        let mut total = 0;
        let mut pending: Vec<Entry> = Vec::new();
        let mut pending_size = 0;
        // How much of `pending` a signature vouches for already.
        let mut signed: Option<(usize, nocturne_core::Signature)> = None;
        for row in self.blocks.range((author, start)..=(author, last))? {
            let (key, bytes) = row?;
            let first_seq = key.value().1;
            let block = Block::decode(bytes.value())?;
            let (entries, size) = self.entries_of(author, first_seq, &block, first)?;
            let too_long = pending.len() + entries.len() > MAX_RUN_ENTRIES
                || pending_size + size > MAX_RUN_BYTES;
            if too_long && let Some((count, signature)) = signed.take() {
                let rest = pending.split_off(count);
                runs.push(SignedRun::new(
                    std::mem::replace(&mut pending, rest),
                    signature,
                ));
                pending_size = pending.iter().map(Entry::size).sum();
            }
            pending.extend(entries);
            pending_size += size;
            total += size;
            if let Some(signature) = block.signature {
                signed = Some((pending.len(), signature));
            }
        }
        match signed {
            Some((count, signature)) if count == pending.len() => {
                if count > 0 {
                    runs.push(SignedRun::new(pending, signature));
                }
                Ok(total)
            }
            _ => Err(Damage::Chain(id).into()),
        }
    }

    /// Entries of a block from a seq on, unsealed.
    fn entries_of(
        &self,
        author: u32,
        first_seq: u64,
        block: &Block,
        from: u64,
    ) -> Result<(Vec<Entry>, usize), StorageError> {
        let id = self.authors.id(author)?;
        let mut prev: EntryHash = block.prev;
        let mut out = Vec::with_capacity(block.entries.len());
        let mut size = 0;
        self.shared.with_keyring(|keyring| {
            let mut keys = keyring.cursor();
            for (seq, stored) in (first_seq..).zip(&block.entries) {
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
            Ok((out, size))
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
        for row in self.transaction.open_table(BODILESS)?.iter()? {
            if out.len() >= limit {
                break;
            }
            let (place, flags) = row?;
            if !Bodiless::from_bits(flags.value()).forgotten {
                let (author, seq, op) = place.value();
                out.push(self.authors.op(author, seq, op)?);
            }
        }
        Ok(out)
    }

    /// The bodies that are here of those asked for.
    pub fn bodies(&self, places: &[OpRef]) -> Result<Vec<(OpRef, OpBody)>, StorageError> {
        let mut out = Vec::new();
        let frontier = self.shared.frontier();
        for at in places {
            let Some(author) = self.authors.number(&at.author) else {
                continue;
            };
            if at.seq == 0 || frontier.seq(&at.author) < at.seq {
                continue;
            }
            let (entry, nonce) = self.entry(author, at.seq)?;
            let Some(stored) = entry.ops.get(usize::from(at.op)) else {
                continue;
            };
            if let Ok(body) = self.unseal(*at, stored, &nonce)? {
                out.push((*at, body));
            }
        }
        Ok(out)
    }
}
