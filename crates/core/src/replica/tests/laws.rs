//! The laws of merging, over random histories: the state is a function of the set of entries.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::history::{History, history};
use super::*;
use crate::fixtures::Seeded;

/// Everything about a replica that must not depend on order.
fn observed(replica: &Replica) -> impl PartialEq + std::fmt::Debug + use<> {
    let winners: BTreeMap<Bytes, Option<Bytes>> = replica
        .state()
        .into_keys()
        .map(|key| (key.clone(), replica.get(&key)))
        .collect();
    (
        replica.state(),
        winners,
        replica.frontier().clone(),
        replica.frontier().digest(),
        replica.tips.clone(),
    )
}

/// The definition, without order, index or merge: an operation is a head unless some operation names
/// it. Key → (operation, value) of each head, the winner last.
fn defined(runs: &[VerifiedRun]) -> BTreeMap<Bytes, Vec<(OpRef, Option<Bytes>)>> {
    let entries: BTreeMap<EntryRef, &Entry> = runs
        .iter()
        .flat_map(VerifiedRun::entries)
        .map(|entry| (entry.entry().header.at(), entry.entry()))
        .collect();
    let named: BTreeSet<OpRef> = entries
        .values()
        .flat_map(|entry| entry.header.ops.iter().flat_map(|op| op.parents.clone()))
        .collect();
    let mut heads: BTreeMap<Bytes, Vec<(Hlc, OpRef, Option<Bytes>)>> = BTreeMap::new();
    for (at, entry) in entries {
        for (op, body) in (0..).zip(&entry.bodies) {
            let place = OpRef {
                author: at.author,
                seq: at.seq,
                op,
            };
            let operation = body.as_ref().and_then(|body| body.operation().ok());
            if let Some(operation) = operation.filter(|_| !named.contains(&place)) {
                let value = (operation.kind == OpKind::Put).then_some(operation.value);
                let of_key = heads.entry(operation.key).or_default();
                of_key.push((entry.header.hlc, place, value));
            }
        }
    }
    heads
        .into_iter()
        .map(|(key, mut heads)| {
            heads.sort();
            let heads = heads.into_iter().map(|(_, place, value)| (place, value));
            (key, heads.collect())
        })
        .collect()
}

fn assert_as_defined(replica: &Replica, runs: &[VerifiedRun]) -> Result<(), TestCaseError> {
    let defined = defined(runs);
    let state = replica.state();
    prop_assert!(state.keys().eq(defined.keys()));
    for (key, heads) in defined {
        let places: BTreeSet<OpRef> = heads.iter().map(|(place, _)| *place).collect();
        let held: Vec<OpRef> = state[&key].iter().map(|head| head.at).collect();
        prop_assert!(held.iter().eq(places.iter()), "{:?} {:?}", held, places);
        let (winner, value) = heads.last().unwrap();
        let won = heads::winner(replica.heads(&key)).unwrap();
        prop_assert_eq!(won.at, *winner);
        prop_assert_eq!(&replica.get(&key), value);
    }
    Ok(())
}

/// What one replica becomes that takes in what others have.
fn merged(mut into: Replica, others: &[&Replica]) -> Replica {
    for other in others {
        for run in other.runs_since(into.frontier()) {
            into.apply(run).unwrap();
        }
    }
    into
}

/// The same runs, some of them without some of their bodies.
fn stripped(runs: &[VerifiedRun], seed: u64) -> Vec<VerifiedRun> {
    let mut hand = Seeded(seed);
    let strip = |run: &VerifiedRun| {
        let mut entries: Vec<Entry> = run
            .entries()
            .iter()
            .map(|entry| entry.entry().clone())
            .collect();
        for body in entries.iter_mut().flat_map(|entry| &mut entry.bodies) {
            if hand.below(3) == 0 {
                *body = None;
            }
        }
        SignedRun::new(entries, run.signature()).verify().unwrap()
    };
    runs.iter().map(strip).collect()
}

/// The log of each author, cut anew at random places, with overlaps: every entry alone, and some
/// stretches besides.
fn recut(runs: &[VerifiedRun], seed: u64) -> Vec<VerifiedRun> {
    let mut hand = Seeded(seed);
    let mut pieces = Vec::new();
    for number in 1..=5 {
        let author = identity(number);
        let entries: Vec<Entry> = runs
            .iter()
            .filter(|run| run.author() == author.author())
            .flat_map(VerifiedRun::entries)
            .map(|entry| entry.entry().clone())
            .collect();
        let mut cut = |from: usize, to: usize| {
            let run = SignedRun::sign(&author, entries[from..to].to_vec()).unwrap();
            pieces.push(run.verify().unwrap());
        };
        for from in 0..entries.len() {
            cut(from, from + 1);
            if hand.below(2) == 0 {
                cut(from, from + 1 + hand.below(entries.len() - from));
            }
        }
    }
    hand.shuffle(&mut pieces);
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_order_ends_in_the_same_state(history in history(), seeds in any::<[u64; 4]>()) {
        let expected = History::replay(history.runs.clone());
        assert_as_defined(&expected, &history.runs)?;
        for seed in seeds {
            let causal = History::replay(history.causal(seed));
            prop_assert_eq!(observed(&causal), observed(&expected));
            let any_order = History::replay(history.shuffled(seed));
            prop_assert_eq!(observed(&any_order), observed(&expected));
            prop_assert!(any_order.waiting.is_empty());
        }
    }

    #[test]
    fn part_of_a_history_is_as_defined_too(history in history()) {
        for replica in &history.replicas {
            assert_as_defined(replica, &replica.arrived)?;
        }
    }

    #[test]
    fn applying_twice_is_applying_once(history in history(), seed in any::<u64>()) {
        let expected = History::replay(history.runs.clone());
        let mut twice = [history.shuffled(seed), history.shuffled(!seed)].concat();
        twice.extend(history.runs.iter().cloned());
        prop_assert_eq!(observed(&History::replay(twice)), observed(&expected));
        let mut again = expected.clone();
        for run in &history.runs {
            prop_assert_eq!(again.apply(run.clone()), Ok(Applied::Known));
        }
        prop_assert_eq!(observed(&again), observed(&expected));
    }

    #[test]
    fn merging_is_commutative_and_associative(history in history()) {
        // What waits is no part of a replica yet: it would come in with the other's entries.
        let settled: Vec<Replica> = history
            .replicas
            .iter()
            .map(|replica| merged(Replica::new(genesis()), &[replica]))
            .collect();
        for a in &settled {
            prop_assert_eq!(observed(&merged(a.clone(), &[a])), observed(a));
            for b in &settled {
                let ab = merged(a.clone(), &[b]);
                prop_assert_eq!(observed(&ab), observed(&merged(b.clone(), &[a])));
                for c in &settled {
                    let left = merged(ab.clone(), &[c]);
                    let right = merged(a.clone(), &[&merged(b.clone(), &[c])]);
                    prop_assert_eq!(observed(&left), observed(&right));
                }
            }
        }
    }

    #[test]
    fn pieces_and_overlaps_end_in_the_same_state(history in history(), seed in any::<u64>()) {
        let expected = History::replay(history.runs.clone());
        let recut = History::replay(recut(&history.runs, seed));
        prop_assert_eq!(observed(&recut), observed(&expected));
    }

    #[test]
    fn absent_bodies_are_no_heads_but_their_headers_supersede(
        history in history(),
        seeds in any::<[u64; 2]>(),
    ) {
        let whole = History::replay(history.runs.clone());
        let runs = stripped(&history.runs, seeds[0]);
        let mut shuffled = runs.clone();
        Seeded(seeds[1]).shuffle(&mut shuffled);
        let replica = History::replay(shuffled);
        assert_as_defined(&replica, &runs)?;
        prop_assert_eq!(replica.frontier(), whole.frontier());
        // Nothing comes back that the whole history had superseded.
        let state = whole.state();
        for (key, heads) in replica.state() {
            for head in heads {
                prop_assert!(state[&key].contains(&head));
            }
        }
    }

    #[test]
    fn a_write_after_everything_heals_every_key(history in history()) {
        let mut replica = History::replay(history.runs.clone());
        let keys: Vec<Bytes> = replica.state().into_keys().collect();
        let puts = keys.iter().map(|key| Operation::put(key.clone(), "healed"));
        replica.write(&identity(9), NOW, puts.collect(), &mut Seeded(1)).unwrap();
        for key in keys {
            prop_assert_eq!(replica.heads(&key).len(), 1);
            prop_assert_eq!(replica.get(&key), Some(Bytes::from("healed")));
        }
        let me = EntryRef { author: identity(9).author(), seq: 1 };
        prop_assert_eq!(replica.tips.iter().collect::<Vec<_>>(), [me]);
    }
}
