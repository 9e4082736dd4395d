//! Two stores and two sessions in virtual time, as quinn's `Pair` does it for connections.

use std::collections::VecDeque;

use bytes::Bytes;
use nocturne_core::{AuthorId, Genesis, Operation};

use crate::framing::PREFIX_LEN;
use crate::proto::{Config, Deadlines, Input, Output, Phase, Report, Session, SessionError};
use crate::rng::Rng;
use crate::sim::SimStore;

pub(super) type Outcome = Result<Report, SessionError>;

pub(super) fn genesis() -> Genesis {
    Genesis::root(AuthorId::from_bytes([9; 32]), 1, &mut Rng::new(1))
}

pub(super) fn store(seed: u64) -> SimStore {
    SimStore::new(genesis(), seed)
}

pub(super) fn put(store: &mut SimStore, key: &str, value: &str) {
    let operation = Operation::put(key.to_owned(), value.to_owned());
    store.write(1_000, vec![operation]).unwrap();
}

pub(super) fn session(store: &SimStore) -> Session {
    session_at(store, 0)
}

pub(super) fn session_at(store: &SimStore, wall_ms: u64) -> Session {
    Session::new(
        0,
        Config {
            store: store.replica().genesis().store_id(),
            me: store.author(),
            frontier: store.frontier().clone(),
            wanted: store.wanted().count() as u64,
            wall_ms,
            deadlines: Deadlines::default(),
        },
    )
}

/// One end.
pub(super) struct End<'a> {
    pub(super) store: &'a mut SimStore,
    pub(super) session: Session,
    pub(super) inbox: VecDeque<Bytes>,
    pub(super) outcome: Option<Outcome>,
    /// Frames sent, prefix taken off.
    pub(super) sent: Vec<Bytes>,
    pub(super) largest_queue: usize,
}

impl<'a> End<'a> {
    pub(super) fn new(store: &'a mut SimStore) -> Self {
        let session = session(store);
        Self {
            store,
            session,
            inbox: VecDeque::new(),
            outcome: None,
            sent: Vec::new(),
            largest_queue: 0,
        }
    }

    /// Does all that the session wants done; returns the frames to send.
    pub(super) fn drive(&mut self, now_ms: u64) -> Vec<Bytes> {
        let mut frames = Vec::new();
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(frame) => frames.push(frame.slice(PREFIX_LEN..)),
                Output::Load(load) => {
                    let loaded = self.store.load(load);
                    self.session.handle(now_ms, Input::Loaded(loaded));
                }
                Output::Persist(persist) => {
                    let persisted = self.store.persist(persist);
                    self.session.handle(now_ms, Input::Persisted(persisted));
                }
                Output::Finished(outcome) => {
                    assert!(self.outcome.is_none(), "finished twice");
                    self.outcome = Some(outcome);
                }
            }
        }
        self.sent.extend(frames.iter().cloned());
        frames
    }

    pub(super) fn receive(&mut self, now_ms: u64, frame: Bytes) {
        let max = self.session.max_frame();
        if !self.session.is_finished() {
            assert!(frame.len() <= max, "{} > {max}", frame.len());
        }
        self.session.handle(now_ms, Input::Message(frame));
    }
}

/// Lets two stores sync until both ends are done; every wait must end by itself.
pub(super) fn sync(a: &mut SimStore, b: &mut SimStore) -> (Outcome, Outcome) {
    let mut ends = [End::new(a), End::new(b)];
    run(&mut ends);
    let [a, b] = ends;
    (a.outcome.unwrap(), b.outcome.unwrap())
}

pub(super) fn run(ends: &mut [End<'_>; 2]) {
    let mut now_ms = 0;
    for _ in 0..100_000 {
        now_ms += 1;
        let mut moved = false;
        for (from, to) in [(0, 1), (1, 0)] {
            let frames = ends[from].drive(now_ms);
            moved |= !frames.is_empty();
            ends[to].inbox.extend(frames);
            ends[to].largest_queue = ends[to].largest_queue.max(ends[to].inbox.len());
            if let Some(frame) = ends[to].inbox.pop_front() {
                moved = true;
                ends[to].receive(now_ms, frame);
            }
        }
        if ends.iter().all(|end| end.outcome.is_some()) {
            return;
        }
        if !moved {
            // Nothing on the way: only a deadline can move things.
            for end in ends.iter_mut() {
                if let Some(deadline) = end.session.poll_timeout() {
                    now_ms = now_ms.max(deadline);
                    end.session.handle(deadline, Input::Timeout);
                }
            }
        }
    }
    let phases: Vec<Phase> = ends.iter().map(|end| end.session.phase()).collect();
    panic!("no end: {phases:?}");
}
