//! Authors that have signed two histories: the proof is kept, the author frozen.

use nocturne_core::fork::{ForkEvidence, SignedChain};
use nocturne_core::{EntryHash, Header, VerifiedRun};
use redb::ReadableTable;

use super::Store;
use super::transact::Stage;
use crate::block::Block;
use crate::error::StorageError;

impl Store {
    /// Keeps proof that an author signed two histories, if the run gives it, and freezes the author.
    pub(super) fn convict(
        &mut self,
        stage: &mut Stage<'_>,
        run: &VerifiedRun,
    ) -> Result<(), StorageError> {
        let Some(evidence) = self.evidence(stage, run)? else {
            return Ok(());
        };
        if evidence.verify().is_err() {
            return Ok(());
        }
        let author = run.author();
        let bytes = evidence.encode();
        stage.forks.insert(author.as_bytes(), &bytes[..])?;
        stage.dirty = true;
        self.frozen.insert(author);
        // Nothing of this author is applied any more.
        drop(self.waiting.take(&author));
        tracing::warn!(%author, "the author has signed two histories and is frozen");
        Ok(())
    }

    /// Our signed chain beside the run's, from the first entry in which they differ; or from our last
    /// entry, when the run goes on from another one.
    fn evidence(
        &self,
        stage: &Stage<'_>,
        run: &VerifiedRun,
    ) -> Result<Option<ForkEvidence>, StorageError> {
        let author = run.author();
        let Some(log) = self.logs.get(&author).filter(|log| log.seq > 0) else {
            return Ok(None);
        };
        let first = run.first_seq().min(log.seq);
        let Some(row) = stage
            .blocks
            .range((log.number, 0)..=(log.number, first))?
            .next_back()
        else {
            return Ok(None);
        };
        let start = row?.0.value().1;
        let mut ours: Vec<Header> = Vec::new();
        let mut differs_at: Option<u64> = None;
        for row in stage
            .blocks
            .range((log.number, start)..=(log.number, log.seq))?
        {
            let (key, bytes) = row?;
            let block = Block::decode(bytes.value())?;
            let mut prev = block.prev;
            for (seq, entry) in (key.value().1..).zip(&block.entries) {
                let header = entry.header(self.shared.id, author, seq, prev, &self.authors)?;
                prev = header.hash();
                if differs_at.is_none() && differs(run, seq, prev) {
                    differs_at = Some(seq);
                }
                if differs_at.is_some() {
                    ours.push(header);
                }
            }
            if let (Some(seq), Some(signature)) = (differs_at, block.signature) {
                let other = SignedChain::of(run, seq);
                return Ok(other.map(|other| ForkEvidence {
                    one: SignedChain {
                        headers: ours,
                        signature,
                    },
                    other,
                }));
            }
        }
        Ok(None)
    }
}

/// Whether a run has another entry at `seq` than the one with this hash, or goes on from another.
fn differs(run: &VerifiedRun, seq: u64, hash: EntryHash) -> bool {
    if Some(run.first_seq()) == seq.checked_add(1) {
        return run.prev() != hash;
    }
    let index = seq.checked_sub(run.first_seq());
    let theirs = index.and_then(|index| run.entries().get(usize::try_from(index).ok()?));
    theirs.is_some_and(|theirs| theirs.hash() != hash)
}
