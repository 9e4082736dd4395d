//! Runs: what links and is signed verifies; whatever else is named for what it is.

use super::*;
use crate::entry::{Header, OpHeader, OpRef};
use crate::fixtures::{Log, body, identity};
use crate::hash::Commitment;
use crate::hlc::Hlc;
use crate::limits::MAX_ENTRY_BYTES;
use crate::operation::{OpBody, Operation};

const LEN: u64 = 5;

/// Verifies the entries of a log of [`LEN`] entries after a change, under the signature made before.
fn verify_changed(change: impl FnOnce(&mut Vec<Entry>)) -> Result<VerifiedRun, RunError> {
    let log = Log::of(1, LEN);
    let mut entries = log.entries.clone();
    change(&mut entries);
    SignedRun::new(entries, log.signed(..).signature()).verify()
}

#[test]
fn what_was_signed_verifies() {
    let log = Log::of(1, LEN);
    let run = log.run(..);
    assert_eq!(run.author(), log.identity.author());
    assert_eq!((run.first_seq(), run.last_seq()), (1, LEN));
    assert_eq!(run.tip(), log.entries[4].header.hash());
    assert_eq!(run.prev(), log.entries[0].header.prev);
    assert_eq!(
        run.size(),
        log.entries.iter().map(Entry::size).sum::<usize>()
    );
    let again = run.clone().into_signed().verify().unwrap();
    assert_eq!(again, run);
    // Any suffix is vouched for by the same signature.
    let suffix = SignedRun::new(log.entries[2..].to_vec(), run.signature());
    assert_eq!(suffix.verify().unwrap(), run.after(2).unwrap());
}

#[test]
fn an_empty_run_is_refused() {
    assert_eq!(verify_changed(Vec::clear), Err(RunError::Empty));
    assert!(SignedRun::sign(&identity(1), vec![]).is_none());
}

#[test]
fn every_header_field_of_every_entry_is_vouched_for() {
    type Change = fn(&mut Header);
    let other = identity(2).author();
    let dep = EntryRef {
        author: other,
        seq: 1,
    };
    let changes: [(&str, Change); 6] = [
        ("store", |header| header.store = StoreId::ZERO),
        ("author", |header| header.author = identity(2).author()),
        ("seq", |header| header.seq += 1),
        ("prev", |header| header.prev = EntryHash::ZERO),
        ("commitment", |header| {
            header.ops[0].commitment = Commitment::ZERO;
        }),
        ("operation", |header| {
            header.ops.clear();
        }),
    ];
    for index in 0..5 {
        for (name, change) in changes {
            let result = verify_changed(|entries| change(&mut entries[index].header));
            assert!(result.is_err(), "{name} of {index}");
        }
        // Changes that keep the entry well-formed show at the next link or in the signature.
        let later = verify_changed(|entries| {
            let hlc = &mut entries[index].header.hlc;
            *hlc = Hlc::from_bits(hlc.bits() + 1);
        });
        let more_deps = verify_changed(|entries| entries[index].header.deps.push(dep));
        let more_parents = verify_changed(|entries| {
            entries[index].header.ops[0].parents.push(OpRef {
                author: other,
                seq: 1,
                op: 0,
            });
        });
        let new_body = verify_changed(|entries| {
            let new = body(&Operation::put("key 1", "forged"));
            entries[index].header.ops[0].commitment = new.commitment();
            entries[index].bodies[0] = Some(new);
        });
        let next = |index: usize| Log::of(1, LEN).at(index as u64 + 1);
        let expected = match index {
            4 => RunError::Signature { at: next(4) },
            _ => RunError::Broken {
                at: next(index + 1),
            },
        };
        for result in [later, more_deps, more_parents, new_body] {
            assert_eq!(result.unwrap_err(), expected, "{index}");
        }
    }
}

#[test]
fn bodies_are_held_to_their_commitments() {
    let log = Log::of(1, LEN);
    let at = log.at(2);
    let swapped = verify_changed(|entries| {
        let (one, two) = entries.split_at_mut(2);
        std::mem::swap(&mut one[1].bodies, &mut two[0].bodies);
    });
    assert_eq!(swapped, Err(RunError::Body { at }));
    let salted = verify_changed(|entries| {
        let mut joined = entries[1].bodies[0].as_ref().unwrap().joined().to_vec();
        joined[0] ^= 1;
        entries[1].bodies[0] = OpBody::from_joined(joined.into());
    });
    assert_eq!(salted, Err(RunError::Body { at }));
    let missing = verify_changed(|entries| entries[1].bodies.clear());
    let cause = HeaderError::BodyCount;
    assert_eq!(missing, Err(RunError::Entry { at, cause }));
    // A body that is not there is no lie.
    let absent = verify_changed(|entries| entries[1].bodies[0] = None).unwrap();
    assert_eq!(absent.tip(), log.run(..).tip());
}

#[test]
fn order_gaps_and_splices_break_the_chain() {
    let log = Log::of(1, LEN);
    let swapped = verify_changed(|entries| entries.swap(1, 2));
    assert_eq!(swapped, Err(RunError::Broken { at: log.at(3) }));
    let gap = verify_changed(|entries| drop(entries.remove(2)));
    assert_eq!(gap, Err(RunError::Broken { at: log.at(4) }));
    let doubled = verify_changed(|entries| entries.insert(2, entries[2].clone()));
    assert_eq!(doubled, Err(RunError::Broken { at: log.at(3) }));
    let truncated = verify_changed(|entries| entries.truncate(4));
    assert_eq!(truncated, Err(RunError::Signature { at: log.at(4) }));

    // Two histories of one author: the end of one does not continue the beginning of the other.
    let mut twin = Log::new(1);
    for _ in 0..LEN {
        twin.push(vec![], vec![(body(&Operation::delete("k")), vec![])]);
    }
    let spliced = verify_changed(|entries| entries[3..].clone_from_slice(&twin.entries[3..]));
    assert_eq!(spliced, Err(RunError::Broken { at: log.at(4) }));
    // Nor do two authors' logs.
    let other = Log::of(2, LEN);
    let mixed = verify_changed(|entries| entries[3..].clone_from_slice(&other.entries[3..]));
    assert_eq!(mixed, Err(RunError::Broken { at: other.at(4) }));
}

#[test]
fn only_the_author_signs() {
    let log = Log::of(1, LEN);
    let at = log.at(LEN);
    let by_other = SignedRun::sign(&identity(2), log.entries.clone()).unwrap();
    assert_eq!(by_other.verify(), Err(RunError::Signature { at }));
    for bit in 0..512 {
        let mut signature = *log.signed(..).signature().as_bytes();
        signature[bit / 8] ^= 1 << (bit % 8);
        let forged = SignedRun::new(log.entries.clone(), Signature::from_bytes(signature));
        assert_eq!(forged.verify(), Err(RunError::Signature { at }), "{bit}");
    }
    // The same hash signed for another purpose.
    let tip = log.run(..).tip();
    let signature = log.identity.sign("nocturne/v1/other", tip.as_bytes());
    let forged = SignedRun::new(log.entries.clone(), signature);
    assert_eq!(forged.verify(), Err(RunError::Signature { at }));
}

/// An author can sign whatever it likes: what links by hash must still be one log of one store.
#[test]
fn nobody_signs_for_another_log() {
    let relinked = |change: fn(&mut Header)| {
        let mut log = Log::of(1, 4);
        change(&mut log.entries[2].header);
        for index in [2, 3] {
            log.entries[index].header.prev = log.entries[index - 1].header.hash();
        }
        let broken = log.entries[2].header.at();
        let by_both = [1, 2].map(|number| {
            let signed = SignedRun::sign(&identity(number), log.entries.clone()).unwrap();
            signed.verify().unwrap_err()
        });
        assert_eq!(by_both, [RunError::Broken { at: broken }; 2]);
    };
    relinked(|header| header.author = identity(2).author());
    relinked(|header| header.store = StoreId::ZERO);
    relinked(|header| header.seq += 1);
}

#[test]
fn time_rises_within_a_run() {
    for bits in [0, 1, Hlc::from_millis(2).bits()] {
        let mut log = Log::of(1, 3);
        log.entries[2].header.hlc = Hlc::from_bits(bits);
        let refused = log.signed(..).verify();
        assert_eq!(refused, Err(RunError::Broken { at: log.at(3) }));
    }
    let mut log = Log::of(1, 3);
    log.entries[2].header.hlc = Hlc::from_bits(Hlc::from_millis(2).bits() + 1);
    assert!(log.signed(..).verify().is_ok());
}

#[test]
fn a_malformed_header_is_refused_even_if_signed() {
    let mut log = Log::of(1, 2);
    log.entries[1].header.deps = vec![log.at(1)];
    assert_eq!(
        log.signed(..).verify(),
        Err(RunError::Entry {
            at: log.at(2),
            cause: HeaderError::DepOrder
        })
    );
}

#[test]
fn a_body_that_is_no_operation_is_no_reason_to_refuse() {
    let mut log = Log::new(1);
    let garbage = OpBody::from_parts([1; 16], b"\xffno operation");
    log.push(vec![], vec![(garbage, vec![])]);
    let run = log.run(..);
    let body = run.entries()[0].entry().bodies[0].as_ref().unwrap();
    assert!(body.operation().is_err());
}

#[test]
fn the_count_of_entries_is_an_inclusive_limit() {
    let log = Log::of(1, 1_025);
    assert_eq!(log.run(..1_024).last_seq(), 1_024);
    assert_eq!(
        log.signed(..).verify(),
        Err(RunError::TooManyEntries(1_025))
    );
}

#[test]
fn the_size_is_an_inclusive_limit_unless_an_entry_stands_alone() {
    let sized = |first: usize| {
        let mut log = Log::new(1);
        for len in [first, 0] {
            let body = OpBody::from_parts([0; 16], &vec![0; len]);
            log.push(vec![], vec![(body, vec![])]);
        }
        log
    };
    let frame: usize = sized(0).entries.iter().map(Entry::size).sum();
    let room = MAX_RUN_BYTES - frame;
    assert_eq!(sized(room).run(..).size(), MAX_RUN_BYTES);
    assert_eq!(
        sized(room + 1).signed(..).verify(),
        Err(RunError::TooLarge(MAX_RUN_BYTES + 1))
    );
    let alone = sized(MAX_ENTRY_BYTES - sized(0).entries[0].size());
    assert_eq!(alone.run(..1).size(), MAX_ENTRY_BYTES);
}

#[test]
fn the_end_of_the_numbers_is_an_end() {
    let mut log = Log::of(1, 2);
    log.entries[0].header.seq = u64::MAX;
    assert_eq!(log.run(..1).last_seq(), u64::MAX);
    assert!(log.run(..1).after(u64::MAX).is_none());
    for seq in [0, u64::MAX] {
        log.entries[1].header.seq = seq;
        log.entries[1].header.prev = log.entries[0].header.hash();
        assert!(log.signed(..).verify().is_err(), "{seq}");
    }
}

#[test]
fn after_cuts_at_a_sequence_number() {
    let log = Log::of(1, LEN);
    let run = log.run(..);
    let tail = log.run(2..);
    assert_eq!(tail.clone().after(0), Some(tail.clone()));
    assert_eq!(tail.clone().after(2), Some(tail.clone()));
    assert_eq!(run.clone().after(2), Some(tail));
    assert_eq!(run.clone().after(4), Some(log.run(4..)));
    for nothing_left in [5, 6, u64::MAX - 1, u64::MAX] {
        assert_eq!(run.clone().after(nothing_left), None);
    }
}

#[test]
fn detached_bodies_share_no_memory() {
    let run = Log::of(1, 1).run(..);
    let body = |run: &VerifiedRun| run.entries()[0].entry().bodies[0].clone().unwrap();
    let shared = body(&run);
    let detached = run.clone().detached();
    assert_eq!(detached, run);
    assert_ne!(body(&detached).joined().as_ptr(), shared.joined().as_ptr());
}

/// Headers that wear each other's operations: the parts are all genuine, the whole is not.
#[test]
fn operations_cannot_move_between_entries() {
    let moved = verify_changed(|entries| {
        let (ops, bodies): (Vec<OpHeader>, _) =
            (entries[0].header.ops.clone(), entries[0].bodies.clone());
        entries[4].header.ops.extend(ops);
        entries[4].bodies.extend(bodies);
    });
    let at = Log::of(1, LEN).at(5);
    assert_eq!(moved, Err(RunError::Signature { at }));
}
