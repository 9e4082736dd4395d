//! What the tests of several modules share: seeded randomness, identities, logs, headers.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeBounds;

use proptest::prelude::*;

use crate::entry::{Entry, EntryRef, Header, OpHeader, OpRef};
use crate::genesis::{Genesis, StoreId, StoreKind};
use crate::hash::{Commitment, EntryHash};
use crate::hlc::Hlc;
use crate::identity::{AuthorId, Entropy, Identity};
use crate::operation::{OpBody, Operation};
use crate::run::{SignedRun, VerifiedRun};

/// Repeatable randomness (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

impl Entropy for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            *byte = self.next().to_be_bytes()[0];
        }
    }
}

pub(crate) fn identity(number: u8) -> Identity {
    Identity::from_secret_bytes(&[number; 32])
}

pub(crate) fn genesis() -> Genesis {
    Genesis {
        kind: StoreKind::Root,
        creator: identity(1).author(),
        created_ms: 1_700_000_000_000,
        mesh: StoreId::ZERO,
        secret: [9; 32],
    }
}

pub(crate) fn body(operation: &Operation) -> OpBody {
    OpBody::from_parts([7; 16], &operation.encode().unwrap())
}

/// One author's log in the store of [`genesis`].
pub(crate) struct Log {
    pub(crate) identity: Identity,
    pub(crate) entries: Vec<Entry>,
}

impl Log {
    pub(crate) fn new(number: u8) -> Self {
        Self {
            identity: identity(number),
            entries: Vec::new(),
        }
    }

    /// A log of single puts.
    pub(crate) fn of(number: u8, len: u64) -> Self {
        let mut log = Self::new(number);
        for seq in 1..=len {
            let put = Operation::put(format!("key {}", seq % 3), format!("value {seq}"));
            log.push(vec![], vec![(body(&put), vec![])]);
        }
        log
    }

    pub(crate) fn at(&self, seq: u64) -> EntryRef {
        EntryRef {
            author: self.identity.author(),
            seq,
        }
    }

    /// Appends an entry that links; its time is its sequence number.
    pub(crate) fn push(&mut self, deps: Vec<EntryRef>, parts: Vec<(OpBody, Vec<OpRef>)>) {
        let last = self.entries.last().map(|entry| &entry.header);
        let seq = last.map_or(1, |header| header.seq + 1);
        self.entries.push(Entry {
            header: Header {
                store: genesis().store_id(),
                author: self.identity.author(),
                seq,
                prev: last.map_or(genesis().hash().into(), Header::hash),
                hlc: Hlc::from_millis(seq),
                deps,
                ops: parts
                    .iter()
                    .map(|(body, parents)| OpHeader {
                        commitment: body.commitment(),
                        parents: parents.clone(),
                    })
                    .collect(),
            },
            bodies: parts.into_iter().map(|(body, _)| Some(body)).collect(),
        });
    }

    /// The entries at these places (from 0), signed.
    pub(crate) fn signed(
        &self,
        places: impl RangeBounds<usize> + std::slice::SliceIndex<[Entry], Output = [Entry]>,
    ) -> SignedRun {
        SignedRun::sign(&self.identity, self.entries[places].to_vec()).unwrap()
    }

    pub(crate) fn run(
        &self,
        places: impl RangeBounds<usize> + std::slice::SliceIndex<[Entry], Output = [Entry]>,
    ) -> VerifiedRun {
        self.signed(places).verify().unwrap()
    }
}

prop_compose! {
    /// Any valid header whose parents are few. Its author is not 0.
    pub(crate) fn any_header()(
        store in any::<[u8; 16]>(),
        author in 100_u8..,
        seq in 1_u64..,
        prev in any::<[u8; 32]>(),
        hlc in any::<u64>(),
        deps in prop::collection::btree_map(0_u8..100, 1_u64.., 0..6),
        ops in prop::collection::vec(
            (any::<[u8; 32]>(), prop::collection::btree_set((0_u8..100, 1_u64.., any::<u16>()), 0..4)),
            0..5,
        ),
    ) -> Header {
        let author_of = |number| AuthorId::from_bytes([number; 32]);
        let deps: BTreeMap<u8, u64> = deps;
        let parents = |parents: BTreeSet<(u8, u64, u16)>| parents.into_iter();
        Header {
            store: StoreId::from_bytes(store),
            author: author_of(author),
            seq,
            prev: EntryHash::from_bytes(prev),
            hlc: Hlc::from_bits(hlc),
            deps: deps.into_iter().map(|(author, seq)| EntryRef { author: author_of(author), seq }).collect(),
            ops: ops.into_iter().map(|(commitment, named)| OpHeader {
                commitment: Commitment::from_bytes(commitment),
                parents: parents(named)
                    .map(|(author, seq, op)| OpRef { author: author_of(author), seq, op })
                    .collect(),
            }).collect(),
        }
    }
}

/// Changes, cuts or lengthens bytes: what a careless or hostile hand does to a message.
pub(crate) fn damage(bytes: &mut Vec<u8>, hand: &mut Seeded) {
    for _ in 0..=hand.below(3) {
        let at = hand.below(bytes.len().max(1));
        let byte = hand.next().to_be_bytes()[0];
        match hand.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, byte),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.push(byte),
            4 if at < bytes.len() => bytes[at] = byte,
            _ if at < bytes.len() => bytes[at] ^= 1 << hand.below(8),
            _ => {}
        }
    }
}
