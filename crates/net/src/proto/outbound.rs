//! The sending half: loads what the peer lacks, frames it, and obeys the peer's credit.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use nocturne_core::wire::RunEncoder;
use nocturne_core::wire::messages::Runs;
use nocturne_core::{AuthorId, Entry, Frontier, OpBody, SignedRun};

use super::error::Violation;
use super::io::{Cursor, Load};
use super::scan::runs_cost;
use super::{FRAME_TARGET, WINDOW, messages};
use crate::framing::PREFIX_LEN;

/// How much to ask the store for at once, in bytes.
const PAGE: usize = 1024 * 1024;
/// Ask for more once less than this waits to be framed, so that disk and network overlap.
const LOW_WATER: usize = PAGE;

/// A frame that waits for credit.
#[derive(Debug)]
struct Ready {
    frame: Bytes,
    entries: u64,
    bodies: u64,
}

#[derive(Debug)]
pub(super) struct Outbound {
    encoder: RunEncoder,
    /// Bytes sent and not yet credited.
    under_way: u64,
    ready: Option<Ready>,
    /// What the peer has; set once it is known.
    have: Option<Arc<Frontier>>,
    /// What was announced to the peer: nothing that begins beyond is sent.
    announced: Arc<Frontier>,
    /// Logs of which something announced is still to be loaded. Once it is empty the listing ends,
    /// however fast the store grows meanwhile.
    lacking: BTreeSet<AuthorId>,
    runs: VecDeque<(SignedRun, usize)>,
    waiting_bytes: usize,
    next: Option<Cursor>,
    loading: bool,
    all_loaded: bool,
    end_sent: bool,
    /// Bodies to answer the peer's question with.
    bodies: VecDeque<(u32, OpBody)>,
    answer: Answer,
}

/// Where the answer to the peer's question is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// No question is open.
    None,
    /// More may come from the store.
    Loading,
    /// Everything is there; the last frame says so.
    Complete,
}

/// What was sent.
pub(super) struct Sent {
    pub(super) frame: Bytes,
    pub(super) entries: u64,
    pub(super) bodies: u64,
}

impl Outbound {
    pub(super) fn new(announced: Arc<Frontier>) -> Self {
        Self {
            encoder: RunEncoder::new(),
            under_way: 0,
            ready: None,
            have: None,
            announced,
            lacking: BTreeSet::new(),
            runs: VecDeque::new(),
            waiting_bytes: 0,
            next: None,
            loading: false,
            all_loaded: false,
            end_sent: false,
            bodies: VecDeque::new(),
            answer: Answer::None,
        }
    }

    /// The peer's frontier is known: what it lacks can be sent.
    pub(super) fn start(&mut self, have: Arc<Frontier>) {
        let lacking = self.announced.ahead_of(&have);
        self.lacking = lacking.map(|(author, _, _)| author).collect();
        self.all_loaded = self.lacking.is_empty();
        self.have = Some(have);
    }

    /// Nothing is to be sent, and both sides know it.
    pub(super) fn skip(&mut self) {
        self.all_loaded = true;
        self.end_sent = true;
    }

    pub(super) fn end_sent(&self) -> bool {
        self.end_sent
    }

    /// Where the answer to the peer's question is.
    pub(super) fn answer(&self) -> Answer {
        self.answer
    }

    /// The next thing to ask the store for.
    pub(super) fn poll_load(&mut self) -> Option<Load> {
        let have = self.have.as_ref()?;
        if self.loading || self.all_loaded || self.waiting_bytes >= LOW_WATER {
            return None;
        }
        self.loading = true;
        Some(Load::Runs {
            have: have.clone(),
            after: self.next,
            max_bytes: PAGE,
        })
    }

    pub(super) fn loaded(&mut self, runs: Vec<SignedRun>, next: Option<Cursor>) {
        self.loading = false;
        self.next = next;
        for run in runs {
            let (Some(first), Some(last)) = (run.entries().first(), run.entries().last()) else {
                continue;
            };
            let (first, last) = (first.header.at(), last.header.seq);
            // Written since the frontier was announced: the next session's.
            if first.seq > self.announced.seq(&first.author) {
                continue;
            }
            let size = run.entries().iter().map(Entry::size).sum();
            self.waiting_bytes += size;
            self.runs.push_back((run, size));
            if last >= self.announced.seq(&first.author) {
                self.lacking.remove(&first.author);
            }
        }
        self.all_loaded = next.is_none() || self.lacking.is_empty();
    }

    /// A question came: its answer begins.
    pub(super) fn question(&mut self) {
        self.answer = Answer::Loading;
    }

    pub(super) fn answer_with(&mut self, bodies: Vec<(u32, OpBody)>, complete: bool) {
        self.bodies.extend(bodies);
        if complete {
            self.answer = Answer::Complete;
        }
    }

    /// Whether bodies wait to be framed, so that no more need be loaded yet.
    pub(super) fn has_bodies(&self) -> bool {
        !self.bodies.is_empty()
    }

    /// The peer has stored this much.
    pub(super) fn credit(&mut self, bytes: u64) -> Result<(), Violation> {
        if bytes == 0 {
            return Err(Violation::Credit);
        }
        self.under_way = self.under_way.checked_sub(bytes).ok_or(Violation::Credit)?;
        Ok(())
    }

    /// The next frame, if there is one and the peer has room for it.
    pub(super) fn poll_frame(&mut self) -> Option<Sent> {
        if self.ready.is_none() {
            self.ready = self.frame_bodies().or_else(|| self.frame_runs());
        }
        if let Some(ready) = self.ready.take() {
            let bytes = ready.frame.len().saturating_sub(PREFIX_LEN) as u64;
            let cost = runs_cost(bytes, ready.entries);
            if self.under_way.saturating_add(cost) > WINDOW {
                self.ready = Some(ready);
                return None;
            }
            self.under_way += cost;
            return Some(Sent {
                frame: ready.frame,
                entries: ready.entries,
                bodies: ready.bodies,
            });
        }
        let done = self.all_loaded && !self.loading && self.runs.is_empty();
        if done && !self.end_sent {
            self.end_sent = true;
            return Some(Sent {
                frame: messages::end(),
                entries: 0,
                bodies: 0,
            });
        }
        None
    }

    fn frame_runs(&mut self) -> Option<Ready> {
        let mut runs = Vec::new();
        let mut filled = 0;
        let mut entries = 0;
        while let Some((run, size)) = self.runs.pop_front() {
            if filled > 0 && filled + size > FRAME_TARGET {
                self.runs.push_front((run, size));
                break;
            }
            filled += size;
            self.waiting_bytes -= size;
            entries += run.entries().len() as u64;
            runs.extend(self.encoder.run(&run));
        }
        if runs.is_empty() {
            return None;
        }
        let new_authors = self.encoder.take_new_authors();
        Some(Ready {
            frame: messages::runs(Runs { new_authors, runs }),
            entries,
            bodies: 0,
        })
    }

    fn frame_bodies(&mut self) -> Option<Ready> {
        if self.answer == Answer::None || (self.bodies.is_empty() && self.answer == Answer::Loading)
        {
            return None;
        }
        let mut bodies = Vec::new();
        let mut filled = 0;
        while let Some((index, body)) = self.bodies.pop_front() {
            if filled > 0 && filled + body.len() > FRAME_TARGET {
                self.bodies.push_front((index, body));
                break;
            }
            filled += body.len();
            bodies.push((index, body));
        }
        let done = self.bodies.is_empty() && self.answer == Answer::Complete;
        if done {
            self.answer = Answer::None;
        }
        let count = bodies.len() as u64;
        Some(Ready {
            frame: messages::bodies(bodies, done),
            entries: 0,
            bodies: count,
        })
    }
}
