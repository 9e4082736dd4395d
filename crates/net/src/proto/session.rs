//! The session: its state, its inputs and outputs, and what follows when something is done.

mod receive;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use nocturne_core::{AuthorId, Frontier, FrontierDigest, LogHead, StoreId};

use super::bodies::{Asked, Asking};
use super::error::{RefuseReason, SessionError, Violation};
use super::inbound::Inbound;
use super::io::{Input, Load, Loaded, LocalFailure, Output, Persisted};
use super::messages::{self, Hello};
use super::outbound::Outbound;
use super::report::{Phase, Progress, Report};
use super::{MAX_AUTHORS, MAX_FRAME, MAX_FRONTIER_FRAME, MAX_HELLO_FRAME, VERSION};
use crate::framing::PREFIX_LEN;

/// How long to wait, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// For the peer's `Hello`.
    pub greeting_ms: u64,
    /// For the next message, or for the store here, whichever is waited for.
    pub idle_ms: u64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            greeting_ms: 10_000,
            idle_ms: 60_000,
        }
    }
}

/// What a session starts from.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which store.
    pub store: StoreId,
    /// This node, to notice that a peer knows more of its log than it does itself.
    pub me: AuthorId,
    /// What this node has durably.
    pub frontier: Frontier,
    /// How many bodies it lacks and would take.
    pub wanted: u64,
    /// Its wall clock, Unix milliseconds, at the start.
    pub wall_ms: u64,
    /// How long to wait.
    pub deadlines: Deadlines,
}

/// One sync with one peer about one store. Both sides run the same code.
#[derive(Debug)]
pub struct Session {
    config: Config,
    mine: Arc<Frontier>,
    digest: FrontierDigest,
    started_ms: u64,
    /// When something last came, from the peer or the store.
    touched_ms: u64,
    outputs: VecDeque<Output>,
    peer: Option<Hello>,
    /// The peer's frontier, as far as it has come.
    theirs: Vec<(AuthorId, LogHead)>,
    compared: bool,
    outbound: Outbound,
    inbound: Inbound,
    asking: Asking,
    asked: Asked,
    confirming: Confirming,
    peer_durable: Option<FrontierDigest>,
    entries_expected: u64,
    entries_to_send: u64,
    report: Report,
    finished: bool,
}

/// Where our confirmation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Confirming {
    NotYet,
    Loading,
    Sent(FrontierDigest),
}

impl Session {
    /// Starts a session; the first output is our `Hello`. `now_ms` is any clock that only goes
    /// forward, the same for all calls.
    pub fn new(now_ms: u64, config: Config) -> Self {
        let mine = Arc::new(config.frontier.clone());
        let digest = mine.digest();
        let mut session = Self {
            digest,
            started_ms: now_ms,
            touched_ms: now_ms,
            outputs: VecDeque::new(),
            peer: None,
            theirs: Vec::new(),
            compared: false,
            outbound: Outbound::new(mine.clone()),
            inbound: Inbound::new(config.store, mine.clone()),
            asking: Asking::NotYet,
            asked: Asked::default(),
            confirming: Confirming::NotYet,
            peer_durable: None,
            entries_expected: 0,
            entries_to_send: 0,
            report: Report::default(),
            finished: false,
            mine,
            config,
        };
        if session.mine.len() > MAX_AUTHORS {
            session.refuse(RefuseReason::TooManyAuthors);
            session.finish(Err(SessionError::TooManyAuthors(session.mine.len())));
            return session;
        }
        session.send(messages::hello(&Hello {
            version: VERSION,
            store: session.config.store,
            frontier: digest,
            wanted: session.config.wanted,
            wall_ms: session.config.wall_ms,
        }));
        session
    }

    /// The frame that declines a session, for a driver that won't start one.
    pub fn refusal(reason: RefuseReason) -> Bytes {
        messages::refuse(reason)
    }

    /// What the session waits for.
    pub fn phase(&self) -> Phase {
        if self.finished {
            Phase::Done
        } else if self.peer.is_none() {
            Phase::Greeting
        } else if !self.compared {
            Phase::Comparing
        } else if !self.inbound.ended() || !self.outbound.end_sent() {
            Phase::Exchanging
        } else if matches!(self.confirming, Confirming::NotYet) {
            Phase::Fetching
        } else {
            Phase::Confirming
        }
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        Progress {
            phase: self.phase(),
            entries_received: self.report.entries_received,
            entries_expected: self.entries_expected,
            entries_sent: self.report.entries_sent,
            entries_to_send: self.entries_to_send,
            bytes_received: self.report.bytes_received,
            bytes_sent: self.report.bytes_sent,
        }
    }

    /// What it has done so far; complete once [`Output::Finished`] is out.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Whether it is over.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The largest frame that the peer may send now, in bytes without the prefix.
    pub fn max_frame(&self) -> usize {
        match self.phase() {
            Phase::Greeting | Phase::Done => MAX_HELLO_FRAME,
            Phase::Comparing => MAX_FRONTIER_FRAME,
            Phase::Exchanging | Phase::Fetching | Phase::Confirming => MAX_FRAME,
        }
    }

    /// When to call [`Session::handle`] with [`Input::Timeout`], if nothing comes before.
    pub fn poll_timeout(&self) -> Option<u64> {
        if self.finished {
            return None;
        }
        let deadlines = &self.config.deadlines;
        Some(match self.phase() {
            Phase::Greeting => self.started_ms.saturating_add(deadlines.greeting_ms),
            _ => self.touched_ms.saturating_add(deadlines.idle_ms),
        })
    }

    /// Takes in something that happened.
    pub fn handle(&mut self, now_ms: u64, input: Input) {
        if self.finished {
            return;
        }
        let outcome = match input {
            Input::Message(frame) => {
                self.touched_ms = now_ms;
                self.report.bytes_received += (frame.len() + PREFIX_LEN) as u64;
                self.message(now_ms, &frame)
            }
            Input::Loaded(loaded) => {
                self.touched_ms = now_ms;
                self.loaded(loaded);
                Ok(())
            }
            Input::Persisted(persisted) => {
                self.touched_ms = now_ms;
                self.persisted(persisted)
            }
            Input::Failed(failure) => {
                self.refuse(RefuseReason::Unavailable);
                Err(SessionError::Local(failure))
            }
            Input::Ended => Err(SessionError::Ended(self.phase())),
            Input::Timeout => match self.poll_timeout() {
                Some(deadline) if deadline <= now_ms => Err(SessionError::Timeout(self.phase())),
                Some(_) | None => Ok(()),
            },
        };
        match outcome {
            Ok(()) => self.advance(),
            Err(error) => self.finish(Err(error)),
        }
    }

    /// Ends the session for a fault that the driver saw in the byte stream.
    pub fn violated(&mut self, violation: Violation) {
        self.finish(Err(violation.into()));
    }

    /// The next thing to do. Frames of entries are built only when they are asked for here: a
    /// driver that asks only while the network takes more bounds the session's memory.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        if self.finished || !self.compared {
            return None;
        }
        if let Some(sent) = self.outbound.poll_frame() {
            self.report.entries_sent += sent.entries;
            self.report.bodies_served += sent.bodies;
            self.send(sent.frame);
            self.advance();
        }
        self.outputs.pop_front()
    }

    fn send(&mut self, frame: Bytes) {
        self.report.bytes_sent += frame.len() as u64;
        self.outputs.push_back(Output::Send(frame));
    }

    fn refuse(&mut self, reason: RefuseReason) {
        self.send(messages::refuse(reason));
    }

    fn finish(&mut self, outcome: Result<(), SessionError>) {
        if self.finished {
            return;
        }
        self.finished = true;
        if outcome.is_err() {
            // Nothing that was planned matters now but to tell the peer.
            self.outputs
                .retain(|output| matches!(output, Output::Send(_)));
        }
        let outcome = outcome.map(|()| self.report.clone());
        self.outputs.push_back(Output::Finished(outcome));
    }

    fn loaded(&mut self, loaded: Loaded) {
        match loaded {
            Loaded::Runs { runs, next } => self.outbound.loaded(runs, next),
            Loaded::Wanted { refs } => {
                if let Some(question) = self.asking.listed(refs).map(messages::want) {
                    self.send(question);
                }
            }
            Loaded::Bodies { bodies, answered } => {
                let (bodies, complete) = self.asked.loaded(bodies, answered);
                self.outbound.answer_with(bodies, complete);
            }
            Loaded::Frontier { digest } => {
                if self.confirming == Confirming::Loading {
                    self.confirming = Confirming::Sent(digest);
                    self.send(messages::durable(digest));
                }
            }
        }
    }

    fn persisted(&mut self, persisted: Persisted) -> Result<(), SessionError> {
        if !self.inbound.is_persisting() {
            return Err(SessionError::Local(LocalFailure::Write));
        }
        if let Some(bytes) = self.inbound.persisted(persisted, &mut self.report)? {
            self.send(messages::credit(bytes));
        }
        Ok(())
    }

    /// Does what has become possible.
    fn advance(&mut self) {
        if self.finished || !self.compared {
            return;
        }
        if let Some(bytes) = self.inbound.poll_credit() {
            self.send(messages::credit(bytes));
        }
        while let Some(persist) = self.inbound.poll_persist() {
            self.outputs.push_back(Output::Persist(persist));
        }
        if let Some(load) = self.outbound.poll_load() {
            self.outputs.push_back(Output::Load(load));
        }
        if !self.outbound.has_bodies()
            && let Some(load) = self.asked.poll_load()
        {
            self.outputs.push_back(Output::Load(load));
        }
        let settled = self.inbound.ended() && self.inbound.is_settled();
        if let Some(load) = self.asking.poll_load(settled) {
            self.outputs.push_back(Output::Load(load));
        }
        if settled && matches!(self.asking, Asking::Done) && self.confirming == Confirming::NotYet {
            self.confirming = Confirming::Loading;
            self.outputs.push_back(Output::Load(Load::Frontier));
        }
        if let (Confirming::Sent(here), Some(there)) = (self.confirming, self.peer_durable) {
            self.report.converged = here == there;
            self.finish(Ok(()));
        }
    }
}
