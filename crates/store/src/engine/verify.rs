//! Checking that what lies on disk is what was written.

use std::collections::BTreeMap;

use nocturne_core::entry::SIGNATURE_DOMAIN;
use nocturne_core::{AuthorId, Bytes, EntryHash, EntryRef};

use super::Store;
use crate::block::{Block, Stored};
use crate::error::{Damage, StorageError};
use crate::medium::{Newest, is_intact};
use crate::read::Snapshot;
use crate::tables::{HeadRow, kind_from};

/// How much is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The file's checksums, every log's chain, and every log's last signature.
    Quick,
    /// Also every signature, every body against its commitment, and the indexes against the
    /// entries. Holds every key in memory.
    Deep,
}

/// Something that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Finding(pub Damage);

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Logs checked.
    pub logs: u64,
    /// Entries checked.
    pub entries: u64,
    /// Bodies unsealed and checked.
    pub bodies: u64,
    /// What is wrong; no more than a thousand are listed.
    pub findings: Vec<Finding>,
}

/// Findings listed at most: a file of noise would otherwise fill memory.
pub(crate) const MAX_FINDINGS: usize = 1_000;

impl Findings {
    fn push(&mut self, damage: Damage) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding(damage));
        }
    }
}

/// Key → place → (time, kind), as the entries say; and every place that is named as a parent.
#[derive(Debug, Default)]
struct Expected {
    operations: BTreeMap<(u32, u64, u16), (Bytes, u64, u8)>,
    superseded: std::collections::BTreeSet<(u32, u64, u16)>,
}

impl Store {
    /// Checks the store. Damage is a finding, not an error; an error means that the check itself
    /// could not go on.
    pub fn verify(&mut self, depth: Depth) -> Result<Findings, StorageError> {
        let mut findings = Findings::default();
        // What the disk returns is what was written, and what was written is a database. On the file
        // as it is, so that readers go on meanwhile and nothing is repaired behind the store's back.
        if !self.disk.check_all()? || !is_intact(self.disk.unchecked(), Newest::Finished)? {
            findings.push(Damage::Page);
        }
        let snapshot = self.shared.snapshot()?;
        let mut expected = Expected::default();
        for (author, log) in self.logs.clone() {
            findings.logs += 1;
            let checked = snapshot.check_log(author, &log, depth, &mut findings, &mut expected);
            match checked {
                Ok(()) => {}
                Err(StorageError::Damaged(damage)) => findings.push(damage),
                Err(other) => return Err(other),
            }
        }
        if depth == Depth::Deep {
            match snapshot.check_indexes(&expected, &mut findings) {
                Ok(()) => {}
                Err(StorageError::Damaged(damage)) => findings.push(damage),
                Err(other) => return Err(other),
            }
        }
        Ok(findings)
    }
}

impl Snapshot {
    fn check_log(
        &self,
        author: AuthorId,
        log: &crate::tables::Log,
        depth: Depth,
        findings: &mut Findings,
        expected: &mut Expected,
    ) -> Result<(), StorageError> {
        let mut next = 1;
        let mut prev = EntryHash::from(self.shared.genesis_hash);
        let mut signed = true;
        for row in self
            .blocks
            .range((log.number, 0)..=(log.number, u64::MAX))?
        {
            let (place, bytes) = row?;
            let (_, first) = place.value();
            let block = Block::decode(bytes.value())?;
            if first != next || block.prev != prev {
                return Err(Damage::Chain(author).into());
            }
            for (seq, entry) in (first..).zip(&block.entries) {
                let header = entry.header(self.shared.id, author, seq, prev, &self.authors)?;
                prev = header.hash();
                next = seq + 1;
                findings.entries += 1;
                if depth == Depth::Deep {
                    self.check_bodies((log.number, seq), entry, &block, findings, expected)?;
                }
            }
            signed = block.signature.is_some();
            if let Some(signature) = block.signature
                && (depth == Depth::Deep || next > log.seq)
                && author
                    .verify(SIGNATURE_DOMAIN, prev.as_bytes(), &signature)
                    .is_err()
            {
                let seq = next - 1;
                findings.push(Damage::Signature(EntryRef { author, seq }));
            }
        }
        if next != log.seq + 1 || (log.seq > 0 && prev != log.hash) || !signed {
            findings.push(Damage::Chain(author));
        }
        Ok(())
    }

    fn check_bodies(
        &self,
        (author, seq): (u32, u64),
        entry: &crate::block::StoredEntry,
        block: &Block,
        findings: &mut Findings,
        expected: &mut Expected,
    ) -> Result<(), StorageError> {
        for (op, stored) in (0..).zip(&entry.ops) {
            expected.superseded.extend(stored.parents.iter().copied());
            let at = self.authors.op(author, seq, op)?;
            let bodiless = self.bodiless((author, seq, op))?;
            let listed = match stored.body {
                Stored::Forgotten => bodiless.is_some_and(|flags| flags.forgotten),
                Stored::Wanted => bodiless.is_some_and(|flags| !flags.forgotten),
                Stored::Sealed { .. } | Stored::SealedLater { .. } => bodiless.is_none(),
            };
            if !listed {
                findings.push(Damage::Index("bodiless"));
            }
            match self.unseal(at, stored, &block.nonce) {
                Ok(Ok(body)) => {
                    findings.bodies += 1;
                    if let Ok(operation) = body.operation() {
                        let kind = operation.kind.number();
                        let row = (operation.key, entry.hlc.bits(), kind);
                        expected.operations.insert((author, seq, op), row);
                    }
                }
                Ok(Err(_)) => {}
                Err(StorageError::Damaged(damage)) => findings.push(damage),
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    fn check_indexes(
        &self,
        expected: &Expected,
        findings: &mut Findings,
    ) -> Result<(), StorageError> {
        use redb::ReadableTable;
        let mut heads = 0_usize;
        for row in self.heads.iter()? {
            let (key, row) = row?;
            for head in HeadRow::decode(row.value())? {
                heads += 1;
                let place = head.place();
                let fits = expected
                    .operations
                    .get(&place)
                    .is_some_and(|(k, hlc, kind)| {
                        &k[..] == key.value()
                            && *hlc == head.hlc.bits()
                            && *kind == head.kind.number()
                    });
                if !fits || expected.superseded.contains(&place) {
                    findings.push(Damage::Index("heads"));
                }
            }
        }
        let mut versions = 0_usize;
        let table = self.transaction.open_table(crate::tables::VERSIONS)?;
        for row in table.iter()? {
            let (row, kind) = row?;
            let (key, hlc, author, seq, op) = row.value();
            versions += 1;
            kind_from(kind.value(), "versions")?;
            let place = (author, seq, op);
            let fits = expected
                .operations
                .get(&place)
                .is_some_and(|(k, time, _)| &k[..] == key && *time == hlc);
            if !fits || !expected.superseded.contains(&place) {
                findings.push(Damage::Index("versions"));
            }
        }
        if heads + versions != expected.operations.len() {
            findings.push(Damage::Index("heads"));
        }
        Ok(())
    }
}
