//! Questions for missing bodies: ours, and the peer's.

use nocturne_core::{OpBody, OpRef};

use super::error::Violation;
use super::io::Load;
use super::{FRAME_TARGET, MAX_WANT};

/// Our questions.
#[derive(Debug)]
pub(super) enum Asking {
    /// Entries come first.
    NotYet,
    /// The store is asked what is missing after this place.
    Listing { after: Option<OpRef> },
    /// The peer is asked; `next` is the least index that may still come.
    Asked {
        refs: Vec<OpRef>,
        next: usize,
        done: bool,
    },
    /// Nothing more is missing that the peer could have.
    Done,
}

impl Asking {
    /// The places of bodies that came in answer to the open question.
    pub(super) fn answered(
        &mut self,
        bodies: Vec<(usize, OpBody)>,
        last: bool,
    ) -> Result<Vec<(OpRef, OpBody)>, Violation> {
        let Self::Asked { refs, next, done } = self else {
            return Err(Violation::Bodies);
        };
        if *done || (bodies.is_empty() && !last) {
            return Err(Violation::Bodies);
        }
        let mut placed = Vec::with_capacity(bodies.len());
        for (index, body) in bodies {
            let at = refs.get(index).ok_or(Violation::Bodies)?;
            if index < *next {
                return Err(Violation::Bodies);
            }
            *next = index + 1;
            placed.push((*at, body));
        }
        *done = last;
        Ok(placed)
    }

    /// The next listing to make, once the answer to the last question is stored.
    pub(super) fn poll_load(&mut self, settled: bool) -> Option<Load> {
        let after = match self {
            Self::NotYet if settled => None,
            Self::Asked {
                refs, done: true, ..
            } if settled => refs.last().copied(),
            Self::NotYet | Self::Asked { .. } | Self::Listing { .. } | Self::Done => return None,
        };
        *self = Self::Listing { after };
        Some(Load::Wanted {
            after,
            limit: MAX_WANT,
        })
    }

    /// What the store misses. Returns the question to ask.
    pub(super) fn listed(&mut self, mut refs: Vec<OpRef>) -> Option<&[OpRef]> {
        let Self::Listing { after } = self else {
            return None;
        };
        // A listing that does not advance would ask forever.
        let after = *after;
        refs.retain(|at| after.is_none_or(|after| *at > after));
        refs.truncate(MAX_WANT);
        if refs.is_empty() {
            *self = Self::Done;
            return None;
        }
        *self = Self::Asked {
            refs,
            next: 0,
            done: false,
        };
        match self {
            Self::Asked { refs, .. } => Some(refs),
            Self::NotYet | Self::Listing { .. } | Self::Done => None,
        }
    }
}

/// The peer's open question.
#[derive(Debug, Default)]
pub(super) struct Asked {
    refs: Vec<OpRef>,
    /// How many of them are looked up.
    answered: usize,
    loading: bool,
    last: Option<OpRef>,
}

impl Asked {
    pub(super) fn question(&mut self, refs: Vec<OpRef>) -> Result<(), Violation> {
        // Ever greater places: a session's questions end.
        if self.last >= refs.first().copied() {
            return Err(Violation::Want);
        }
        self.last = refs.last().copied();
        self.refs = refs;
        self.answered = 0;
        Ok(())
    }

    pub(super) fn poll_load(&mut self) -> Option<Load> {
        let refs = self.refs.get(self.answered..)?;
        if self.loading || refs.is_empty() {
            return None;
        }
        self.loading = true;
        Some(Load::Bodies {
            refs: refs.to_vec(),
            max_bytes: FRAME_TARGET,
        })
    }

    /// What the store has. Returns bodies with their index in the question, and whether the
    /// question is answered.
    pub(super) fn loaded(
        &mut self,
        bodies: Vec<(OpRef, OpBody)>,
        answered: usize,
    ) -> (Vec<(u32, OpBody)>, bool) {
        self.loading = false;
        self.answered = self
            .answered
            .saturating_add(answered.max(1))
            .min(self.refs.len());
        let indexed = bodies
            .into_iter()
            .filter_map(|(at, body)| {
                let index = self.refs.binary_search(&at).ok()?;
                Some((u32::try_from(index).ok()?, body))
            })
            .collect();
        (indexed, self.answered == self.refs.len())
    }
}
