//! Checking that what lies on disk is what was written.

use std::collections::BTreeMap;

use nocturne_core::entry::SIGNATURE_DOMAIN;
use nocturne_core::{AuthorId, Bytes, EntryHash, EntryRef, Hlc};
use redb::ReadableTable;

use super::Store;
use super::open::read_logs;
use crate::block::{Block, Stored};
use crate::error::{Damage, StorageError};
use crate::medium::{Newest, is_intact};
use crate::read::Snapshot;
use crate::tables::{ARRIVALS, Arrival, HeadRow, LOGS, kind_from};

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
    /// Author number → the last of its entries that another log depends on.
    built_on: BTreeMap<u32, u64>,
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
        match read_logs(&snapshot.transaction.open_table(LOGS)?) {
            Ok((logs, ..)) if logs == self.logs => {}
            Ok(_) => findings.push(Damage::Index("logs")),
            Err(StorageError::Damaged(damage)) => findings.push(damage),
            Err(other) => return Err(other),
        }
        for log in self.logs.values() {
            let built_on = expected.built_on.get(&log.number).copied().unwrap_or(0);
            if log.seq > 0 && log.tip == (built_on >= log.seq) {
                findings.push(Damage::Index("logs"));
            }
        }
        match snapshot.check_arrivals(&self.logs, &mut findings) {
            Ok(()) => {}
            Err(StorageError::Damaged(damage)) => findings.push(damage),
            Err(other) => return Err(other),
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
        let mut hlc = Hlc::ZERO;
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
            for (seq, entry) in (first..u64::MAX).zip(&block.entries) {
                for (author, seq) in &entry.deps {
                    let last = expected.built_on.entry(*author).or_default();
                    *last = (*last).max(*seq);
                }
                if entry.hlc <= hlc {
                    findings.push(Damage::Chain(author));
                }
                hlc = entry.hlc;
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
        let ends = (next.checked_sub(1), hlc) == (Some(log.seq), log.hlc);
        if !ends || (log.seq > 0 && prev != log.hash) || !signed {
            findings.push(Damage::Chain(author));
        }
        Ok(())
    }

    /// Whether every entry arrived once and in order: peers are served by arrival.
    fn check_arrivals(
        &self,
        logs: &BTreeMap<AuthorId, crate::tables::Log>,
        findings: &mut Findings,
    ) -> Result<(), StorageError> {
        const BAD: Damage = Damage::Index("arrivals");
        let mut arrived: BTreeMap<u32, u64> = BTreeMap::new();
        let mut next = 0;
        for row in self.transaction.open_table(ARRIVALS)?.iter()? {
            let (revision, row) = row?;
            let arrival = Arrival::read(row.value())?;
            if revision.value() != next {
                return Err(BAD.into());
            }
            next = revision.value().checked_add(arrival.span()).ok_or(BAD)?;
            if let Arrival::Run {
                author,
                first_seq,
                count,
            } = arrival
            {
                let (first, last) = Arrival::seqs(first_seq, count)?;
                if arrived.insert(author, last).unwrap_or(0) + 1 != first {
                    return Err(BAD.into());
                }
            }
        }
        let all = logs
            .values()
            .all(|log| arrived.get(&log.number).copied().unwrap_or(0) == log.seq);
        if !all || next != self.revision()? {
            findings.push(BAD);
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

#[cfg(test)]
mod tests;
