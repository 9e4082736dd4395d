//! Sessions between nodes: what they want done, when it arrives, and how they end.

use bytes::Bytes;

use super::{Event, STORE_MS, World};
use crate::framing::PREFIX_LEN;
use crate::proto::{Input, Output, Report, SessionError};

impl World {
    pub(super) fn input(&mut self, session: u64, end: usize, input: Input) {
        let now_ms = self.now_ms;
        let Some(link) = self.sessions.get_mut(&session) else {
            return;
        };
        if let Some(Some(one)) = link.ends.get_mut(end) {
            one.handle(now_ms, input);
            self.drive(session, end);
        }
    }

    /// Does all that one end of a session wants done.
    pub(super) fn drive(&mut self, session: u64, end: usize) {
        loop {
            let Some(link) = self.sessions.get_mut(&session) else {
                return;
            };
            let Some(Some(one)) = link.ends.get_mut(end) else {
                return;
            };
            let Some(output) = one.poll_output() else {
                if let Some(ms) = one.poll_timeout() {
                    self.plan(ms, Event::Timer { session, end });
                }
                return;
            };
            match output {
                Output::Send(frame) => self.send(session, end, &frame),
                Output::Load(load) => {
                    let Some(store) = link.nodes.get(end).and_then(|node| self.nodes.get(*node))
                    else {
                        return;
                    };
                    let input = Input::Loaded(store.load(load));
                    self.plan(
                        self.now_ms + STORE_MS,
                        Event::Stored {
                            session,
                            end,
                            input,
                        },
                    );
                }
                Output::Persist(persist) => {
                    let Some(store) = link
                        .nodes
                        .get(end)
                        .and_then(|node| self.nodes.get_mut(*node))
                    else {
                        return;
                    };
                    let input = Input::Persisted(store.persist(persist));
                    self.plan(
                        self.now_ms + STORE_MS,
                        Event::Stored {
                            session,
                            end,
                            input,
                        },
                    );
                }
                Output::Finished(outcome) => {
                    self.finished(session, end, outcome);
                    return;
                }
            }
        }
    }

    fn finished(&mut self, session: u64, end: usize, outcome: Result<Report, SessionError>) {
        let well = outcome.is_ok();
        self.note("finished", &[session, end as u64, u64::from(well)], &[]);
        self.reports.push(outcome);
        if !well {
            self.stats.failed += 1;
        }
        let Some(link) = self.sessions.get_mut(&session) else {
            return;
        };
        link.well += usize::from(well);
        if let Some(slot) = link.ends.get_mut(end) {
            *slot = None;
        }
        let both = link.well == 2;
        if link.ends.iter().all(Option::is_none) {
            self.sessions.remove(&session);
            self.stats.completed += u64::from(both);
        } else if !well {
            // The failed end closes the connection.
            let ms = self.now_ms + self.latency();
            self.plan(
                ms,
                Event::Broken {
                    session,
                    end: 1 - end,
                },
            );
        }
    }

    fn send(&mut self, session: u64, end: usize, frame: &Bytes) {
        self.stats.bytes += frame.len() as u64;
        let ms = self.now_ms + self.latency();
        let breaks = self.chance(self.links.break_chance);
        let other = 1 - end;
        let Some(link) = self.sessions.get_mut(&session) else {
            return;
        };
        let [a, b] = link.nodes;
        let path = if end == 0 { (a, b) } else { (b, a) };
        if self.blocked.contains(&path) {
            return;
        }
        if breaks {
            self.plan(ms, Event::Broken { session, end });
            self.plan(
                ms,
                Event::Broken {
                    session,
                    end: other,
                },
            );
            return;
        }
        let Some(arrives_ms) = link.arrives_ms.get_mut(other) else {
            return;
        };
        *arrives_ms = ms.max(*arrives_ms);
        let ms = *arrives_ms;
        let frame = frame.slice(PREFIX_LEN.min(frame.len())..);
        self.plan(
            ms,
            Event::Frame {
                session,
                end: other,
                frame,
            },
        );
    }
}
