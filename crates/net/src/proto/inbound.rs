//! The receiving half: checks that what comes was asked for, gathers it into batches for the
//! store, and gives credit for what is durable.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use nocturne_core::wire::RunDecoder;
use nocturne_core::wire::messages::Runs;
use nocturne_core::{AuthorId, Frontier, OpBody, OpRef, SignedRun, StoreId};

use super::error::Violation;
use super::io::{Persist, Persisted, Rejection, RunOutcome};
use super::report::Report;
use super::scan::runs_cost;
use super::{MAX_AUTHORS, WINDOW};

/// Batches that the store may have at once: one is verified while another is written.
const BATCHES: usize = 2;
/// While a batch is under way, the next waits until it has this many bytes: big commits are cheap.
const MIN_BATCH: u64 = 512 * 1024;

/// What the store is asked to keep, and what must be known when it answers.
#[derive(Debug)]
struct Batch {
    bytes: u64,
    authors: Vec<AuthorId>,
}

#[derive(Debug)]
pub(super) struct Inbound {
    decoder: RunDecoder,
    authors_named: usize,
    mine: Arc<Frontier>,
    theirs: Arc<Frontier>,
    /// The next seq of logs of which something has come.
    next: BTreeMap<AuthorId, u64>,
    /// Bytes received and not yet credited.
    under_way: u64,
    runs: Vec<SignedRun>,
    bodies: Vec<(OpRef, OpBody)>,
    gathered: u64,
    batches: VecDeque<Batch>,
    ended: bool,
}

impl Inbound {
    pub(super) fn new(store: StoreId, mine: Arc<Frontier>) -> Self {
        Self {
            decoder: RunDecoder::new(store),
            authors_named: 0,
            theirs: mine.clone(),
            mine,
            next: BTreeMap::new(),
            under_way: 0,
            runs: Vec::new(),
            bodies: Vec::new(),
            gathered: 0,
            batches: VecDeque::new(),
            ended: false,
        }
    }

    pub(super) fn start(&mut self, theirs: Arc<Frontier>) {
        self.theirs = theirs;
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    pub(super) fn is_persisting(&self) -> bool {
        !self.batches.is_empty()
    }

    /// Everything that came is durable.
    pub(super) fn is_settled(&self) -> bool {
        self.batches.is_empty() && self.runs.is_empty() && self.bodies.is_empty()
    }

    fn take_window(&mut self, bytes: u64) -> Result<(), Violation> {
        self.under_way = self.under_way.saturating_add(bytes);
        if self.under_way > WINDOW {
            return Err(Violation::Credit);
        }
        self.gathered += bytes;
        Ok(())
    }

    pub(super) fn runs(
        &mut self,
        message: Runs,
        bytes: u64,
        report: &mut Report,
    ) -> Result<(), Violation> {
        let entries = message.runs.iter().map(|run| run.entries.len() as u64);
        self.take_window(runs_cost(bytes, entries.sum()))?;
        self.authors_named += message.new_authors.len();
        if self.authors_named > MAX_AUTHORS {
            return Err(Violation::TooManyAuthors);
        }
        self.decoder.new_authors(&message.new_authors)?;
        if message.runs.is_empty() {
            return Err(Violation::Malformed);
        }
        for run in message.runs {
            let run = self.decoder.run(run)?;
            self.accept(run, report)?;
        }
        Ok(())
    }

    fn accept(&mut self, run: SignedRun, report: &mut Report) -> Result<(), Violation> {
        let (Some(first), Some(last)) = (run.entries().first(), run.entries().last()) else {
            return Err(Violation::Malformed);
        };
        let at = first.header.at();
        let author = at.author;
        let mine = self.mine.get(&author);
        let expected = self
            .next
            .get(&author)
            .copied()
            .unwrap_or_else(|| mine.map_or(0, |head| head.seq).saturating_add(1));
        if at.seq != expected || at.seq > self.theirs.seq(&author) {
            return Err(Violation::Unrequested {
                author,
                first_seq: at.seq,
            });
        }
        let follows = self.next.contains_key(&author);
        self.next.insert(author, last.header.seq.saturating_add(1));
        if report.is_rejected(&author) {
            return Ok(());
        }
        // The first run must link to what is here. Later ones link to it by being stored.
        if !follows && mine.is_some_and(|head| head.hash != first.header.prev) {
            report.reject(author, Rejection::Diverged);
            return Ok(());
        }
        self.runs.push(run);
        Ok(())
    }

    pub(super) fn bodies(
        &mut self,
        bodies: Vec<(OpRef, OpBody)>,
        bytes: u64,
    ) -> Result<(), Violation> {
        self.take_window(bytes)?;
        self.bodies.extend(bodies);
        Ok(())
    }

    /// The next batch for the store.
    pub(super) fn poll_persist(&mut self) -> Option<Persist> {
        let busy = !self.batches.is_empty();
        let small = self.gathered < MIN_BATCH && !self.ended;
        if self.batches.len() >= BATCHES || (busy && small) {
            return None;
        }
        let persist = if !self.runs.is_empty() {
            Persist::Runs(std::mem::take(&mut self.runs))
        } else if !self.bodies.is_empty() {
            Persist::Bodies(std::mem::take(&mut self.bodies))
        } else {
            return None;
        };
        let authors = match &persist {
            Persist::Runs(runs) => runs
                .iter()
                .filter_map(|run| Some(run.entries().first()?.header.author))
                .collect(),
            Persist::Bodies(_) => Vec::new(),
        };
        let bytes = std::mem::take(&mut self.gathered);
        self.batches.push_back(Batch { bytes, authors });
        Some(persist)
    }

    /// Credit for what came and needed no storing.
    pub(super) fn poll_credit(&mut self) -> Option<u64> {
        if self.gathered == 0 || !self.runs.is_empty() || !self.bodies.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.gathered);
        self.under_way = self.under_way.saturating_sub(bytes);
        Some(bytes)
    }

    /// The oldest batch is durable. Returns the credit to give.
    pub(super) fn persisted(
        &mut self,
        persisted: Persisted,
        report: &mut Report,
    ) -> Result<Option<u64>, Violation> {
        let Some(batch) = self.batches.pop_front() else {
            return Ok(None);
        };
        match persisted {
            Persisted::Runs(outcomes) => {
                for (author, outcome) in batch.authors.iter().zip(outcomes) {
                    match outcome {
                        RunOutcome::Applied { entries } => report.entries_received += entries,
                        RunOutcome::Known => {}
                        RunOutcome::Waiting => report.runs_waiting += 1,
                        RunOutcome::Rejected(why) => report.reject(*author, why),
                        RunOutcome::Invalid(error) => return Err(Violation::Invalid(error)),
                    }
                }
            }
            Persisted::Bodies { stored, invalid } => {
                report.bodies_received += stored;
                if invalid > 0 {
                    return Err(Violation::Bodies);
                }
            }
        }
        self.under_way = self.under_way.saturating_sub(batch.bytes);
        Ok((batch.bytes > 0).then_some(batch.bytes))
    }
}
