//! Which message may come when, and what it means.

use std::sync::Arc;

use bytes::Bytes;
use nocturne_core::{AuthorId, Frontier, LogHead};

use super::Session;
use crate::proto::error::{RefuseReason, SessionError, Violation};
use crate::proto::io::Rejection;
use crate::proto::messages::{self, Hello, Message};
use crate::proto::outbound::Answer;
use crate::proto::{FRONTIER_PART, MAX_AUTHORS, VERSION};

impl Session {
    pub(super) fn message(&mut self, now_ms: u64, frame: &Bytes) -> Result<(), SessionError> {
        let message = messages::decode(frame)?;
        let out_of_order = Violation::OutOfOrder {
            message: message.name(),
        };
        if let Message::Refuse(reason) = message {
            return Err(SessionError::Refused(reason));
        }
        if self.peer.is_none() != matches!(message, Message::Hello(_)) {
            return Err(out_of_order.into());
        }
        let exchanging = self.compared && !self.inbound.ended();
        let confirmed = self.peer_durable.is_some();
        match message {
            Message::Hello(hello) => self.greeted(now_ms, hello)?,
            Message::Frontiers(heads, last) if !self.compared => self.frontier(heads, last)?,
            Message::Runs(runs) if exchanging => {
                self.inbound
                    .runs(runs, frame.len() as u64, &mut self.report)?;
            }
            Message::End if exchanging => self.inbound.end(),
            Message::Credit(bytes) => self.outbound.credit(bytes)?,
            Message::Want(refs)
                if self.outbound.end_sent()
                    && !confirmed
                    && self.outbound.answer() == Answer::None =>
            {
                self.asked.question(refs)?;
                self.outbound.question();
            }
            Message::Bodies(bodies, done) => {
                let placed = self.asking.answered(bodies, done)?;
                self.inbound.bodies(placed, frame.len() as u64)?;
            }
            Message::Durable(digest)
                if self.outbound.end_sent()
                    && !confirmed
                    && self.outbound.answer() == Answer::None =>
            {
                self.peer_durable = Some(digest);
            }
            Message::Refuse(_)
            | Message::Frontiers(..)
            | Message::Runs(_)
            | Message::End
            | Message::Want(_)
            | Message::Durable(_) => return Err(out_of_order.into()),
        }
        Ok(())
    }

    fn greeted(&mut self, now_ms: u64, hello: Hello) -> Result<(), SessionError> {
        if hello.version != VERSION {
            self.refuse(RefuseReason::Version);
            return Err(SessionError::Version(hello.version));
        }
        if hello.store != self.config.store {
            return Err(Violation::OtherStore.into());
        }
        let here = self
            .config
            .wall_ms
            .saturating_add(now_ms.saturating_sub(self.started_ms));
        self.report.clock_offset_ms = offset(hello.wall_ms, here);
        self.peer = Some(hello);
        if hello.frontier != self.digest {
            for part in messages::frontiers(&self.mine) {
                self.send(part);
            }
            return Ok(());
        }
        // The same entries on both sides: no frontier, no run, no end is sent.
        self.compared = true;
        self.outbound.skip();
        self.inbound.end();
        if hello.wanted == 0 && self.config.wanted == 0 {
            self.report.converged = true;
            self.finish(Ok(()));
        }
        Ok(())
    }

    fn frontier(&mut self, heads: Vec<(AuthorId, LogHead)>, last: bool) -> Result<(), Violation> {
        if !last && heads.len() != FRONTIER_PART {
            return Err(Violation::Frontier);
        }
        if self.theirs.len() + heads.len() > MAX_AUTHORS {
            return Err(Violation::TooManyAuthors);
        }
        self.theirs.extend(heads);
        if !last {
            return Ok(());
        }
        if !self.theirs.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(Violation::Frontier);
        }
        let theirs: Frontier = std::mem::take(&mut self.theirs).into_iter().collect();
        if self.peer.map(|hello| hello.frontier) != Some(theirs.digest()) {
            return Err(Violation::FrontierDigest);
        }
        self.compare(theirs);
        Ok(())
    }

    fn compare(&mut self, theirs: Frontier) {
        for (author, head) in theirs.iter() {
            let same_seq = self.mine.get(author).filter(|mine| mine.seq == head.seq);
            if same_seq.is_some_and(|mine| mine.hash != head.hash) {
                self.report.reject(*author, Rejection::Diverged);
            }
        }
        let me = &self.config.me;
        if theirs.seq(me) > self.mine.seq(me) {
            self.report.own_log_behind = Some((self.mine.seq(me), theirs.seq(me)));
        }
        let count = |from: &Frontier, to: &Frontier| {
            from.ahead_of(to).fold(0u64, |sum, (_, first, last)| {
                sum.saturating_add(last - first + 1)
            })
        };
        self.entries_expected = count(&theirs, &self.mine);
        self.entries_to_send = count(&self.mine, &theirs);
        let theirs = Arc::new(theirs);
        self.outbound.start(theirs.clone());
        self.inbound.start(theirs);
        self.compared = true;
    }
}

fn offset(there_ms: u64, here_ms: u64) -> i64 {
    let distance = i64::try_from(there_ms.abs_diff(here_ms)).unwrap_or(i64::MAX);
    if there_ms >= here_ms {
        distance
    } else {
        -distance
    }
}
