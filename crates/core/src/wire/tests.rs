//! Framing: what goes out comes back; what is misshapen is named. Hostile bytes stand in `hostile`.

mod hostile;

use prost::Message;

use super::*;
use crate::fixtures::{Log, body, genesis, identity};
use crate::limits::MAX_ENTRY_BYTES;
use crate::operation::Operation;
use crate::run::RunError;

/// Encodes runs as one message each, through bytes.
fn send(encoder: &mut RunEncoder, runs: &[SignedRun]) -> messages::Runs {
    let runs = runs.iter().map(|run| encoder.run(run).unwrap()).collect();
    let message = messages::Runs {
        new_authors: encoder.take_new_authors(),
        runs,
    };
    messages::Runs::decode(Bytes::from(message.encode_to_vec())).unwrap()
}

fn receive(
    decoder: &mut RunDecoder,
    message: messages::Runs,
) -> Result<Vec<SignedRun>, RunDecodeError> {
    decoder.new_authors(&message.new_authors)?;
    message
        .runs
        .into_iter()
        .map(|run| decoder.run(run))
        .collect()
}

fn decoder() -> RunDecoder {
    RunDecoder::new(genesis().store_id())
}

/// A log whose entries depend on and supersede what two others wrote.
fn tangled() -> Log {
    let others = [Log::of(2, 3), Log::of(3, 2)];
    let mut deps: Vec<EntryRef> = others.iter().map(|log| log.at(2)).collect();
    deps.sort_unstable();
    let parents: Vec<OpRef> = deps
        .iter()
        .map(|dep| OpRef {
            author: dep.author,
            seq: dep.seq,
            op: 0,
        })
        .collect();
    let mut log = Log::of(1, 2);
    let put = body(&Operation::put("key 2", "merged"));
    let delete = body(&Operation::delete("key 1"));
    log.push(deps, vec![(put.clone(), parents), (delete, vec![])]);
    log.push(vec![], vec![]);
    log.push(
        vec![others[0].at(3)],
        vec![(
            put,
            vec![OpRef {
                author: log.identity.author(),
                seq: 3,
                op: 0,
            }],
        )],
    );
    log
}

/// The message of one run, to change, with its decoder.
fn message_of(run: &SignedRun) -> (messages::Run, RunDecoder) {
    let mut encoder = RunEncoder::new();
    let mut message = send(&mut encoder, std::slice::from_ref(run));
    let mut decoder = decoder();
    decoder.new_authors(&message.new_authors).unwrap();
    (message.runs.remove(0), decoder)
}

#[test]
fn what_goes_out_comes_back() {
    let run = tangled().run(..);
    let (message, decoder) = message_of(&run.clone().into_signed());
    let back = decoder.run(message).unwrap();
    assert_eq!(back.clone().verify().unwrap(), run);
    // What is rebuilt is what would be computed.
    let computed = SignedRun::new(back.entries().to_vec(), back.signature());
    assert_eq!(computed.verify().unwrap(), run);
}

#[test]
fn authors_are_named_once_a_session() {
    let mut encoder = RunEncoder::new();
    let mut decoder = decoder();
    let logs = [Log::of(1, 3), tangled(), Log::of(2, 1), Log::of(4, 1)];
    let named: Vec<usize> = logs
        .iter()
        .map(|log| {
            let message = send(&mut encoder, &[log.signed(..)]);
            let named = message.new_authors.len();
            let back = receive(&mut decoder, message).unwrap().remove(0);
            assert_eq!(back.verify().unwrap(), log.run(..));
            named
        })
        .collect();
    // `tangled` is the first author's again and brings the second and third.
    assert_eq!(named, [1, 2, 0, 1]);
    assert!(encoder.take_new_authors().is_empty());
}

#[test]
fn several_runs_share_a_message() {
    let logs = [Log::of(1, 3), Log::of(2, 2), tangled()];
    let runs: Vec<SignedRun> = logs.iter().map(|log| log.signed(..)).collect();
    let message = send(&mut RunEncoder::new(), &runs);
    let back = receive(&mut decoder(), message).unwrap();
    for (back, log) in back.into_iter().zip(&logs) {
        assert_eq!(back.verify().unwrap(), log.run(..));
    }
}

#[test]
fn an_empty_run_has_no_message() {
    let signature = Log::of(1, 1).signed(..).signature();
    let empty = SignedRun::new(vec![], signature);
    assert!(RunEncoder::new().run(&empty).is_none());
}

#[test]
fn absent_bodies_keep_their_commitments() {
    let log = tangled();
    let mut entries = log.entries.clone();
    entries[2].bodies[0] = None;
    entries[4].bodies[0] = None;
    let run = SignedRun::new(entries, log.signed(..).signature());
    let (message, decoder) = message_of(&run);
    let back = decoder.run(message).unwrap().verify().unwrap();
    assert_eq!(back, run.verify().unwrap());
    assert_eq!(back.tip(), log.run(..).tip());
    let third = back.entries()[2].entry();
    assert_eq!(third.bodies[0], None);
    assert_eq!(
        third.header.ops[0].commitment,
        log.entries[2].header.ops[0].commitment
    );
}

#[test]
fn an_unknown_version_is_seen_before_anything_else() {
    for version in [0, 2, u32::MAX] {
        let newer = messages::Run {
            version,
            ..Default::default()
        };
        assert_eq!(
            decoder().run(newer).unwrap_err(),
            RunDecodeError::Version(version)
        );
    }
}

#[test]
fn numbers_do_not_overflow() {
    let run = Log::of(1, 3).signed(..);
    let refused = |change: fn(&mut messages::Run)| {
        let (mut message, decoder) = message_of(&run);
        change(&mut message);
        decoder.run(message).unwrap_err()
    };
    let changes: [fn(&mut messages::Run); 4] = [
        |run| run.first_hlc = u64::MAX,
        |run| run.entries[2].hlc_delta = u64::MAX,
        |run| run.first_seq = u64::MAX - 1,
        |run| run.entries[0].operations[0].parents = vec![0, 1, 65_536],
    ];
    for change in changes {
        assert_eq!(refused(change), RunDecodeError::Overflow);
    }
    // The last number there is can still be carried.
    let mut log = Log::of(1, 1);
    log.entries[0].header.seq = u64::MAX;
    let (message, decoder) = message_of(&log.signed(..));
    assert_eq!(decoder.run(message).unwrap().verify().unwrap(), log.run(..));
    // Time that runs backwards wraps to a delta that no receiver takes.
    let mut log = Log::of(1, 2);
    log.entries[1].header.hlc = Hlc::ZERO;
    let (message, decoder) = message_of(&log.signed(..));
    assert_eq!(decoder.run(message).unwrap_err(), RunDecodeError::Overflow);
}

#[test]
fn every_misshapen_field_is_named() {
    let run = tangled().signed(..);
    let refused = |change: &dyn Fn(&mut messages::Run)| {
        let (mut message, decoder) = message_of(&run);
        change(&mut message);
        decoder.run(message).map(|_| ()).unwrap_err()
    };
    let short = || Bytes::from_static(&[1; 31]);
    assert_eq!(
        refused(&|run| run.author = 9),
        RunDecodeError::UnknownAuthor(9)
    );
    assert_eq!(
        refused(&|run| run.entries[2].deps[0] = u64::MAX),
        RunDecodeError::UnknownAuthor(u64::MAX)
    );
    assert_eq!(
        refused(&|run| run.entries.clear()),
        RunDecodeError::EntryCount(0)
    );
    assert_eq!(
        refused(&|run| run.entries = vec![messages::Entry::default(); 1_025]),
        RunDecodeError::EntryCount(1_025)
    );
    let misshapen: [&dyn Fn(&mut messages::Run); 6] = [
        &|run| run.signature = short(),
        &|run| run.prev = short(),
        &|run| {
            run.entries[2].deps.pop();
        },
        &|run| {
            run.entries[2].operations[0].parents.pop();
        },
        &|run| run.entries[0].operations[0].body = Bytes::from_static(&[1; 15]),
        &|run| {
            run.entries[0].operations[0].body.clear();
            run.entries[0].operations[0].commitment = short();
        },
    ];
    for change in misshapen {
        assert_eq!(refused(change), RunDecodeError::FieldLength);
    }
    for (body, commitment) in [(&[][..], &[][..]), (&[1; 20], &[1; 32])] {
        let either = refused(&|run| {
            run.entries[0].operations[0].body = Bytes::copy_from_slice(body);
            run.entries[0].operations[0].commitment = Bytes::copy_from_slice(commitment);
        });
        assert_eq!(either, RunDecodeError::BodyOrCommitment);
    }
}

#[test]
fn counts_are_inclusive_limits() {
    let (run, others) = (Log::of(1, 1).signed(..), [2; 65]);
    let with = |change: &dyn Fn(&mut messages::Entry)| {
        let (mut message, decoder) = message_of(&run);
        change(&mut message.entries[0]);
        decoder.run(message).map(|_| ())
    };
    let flat = |count: usize, width: usize| vec![0_u64; count * width];
    assert_eq!(with(&|entry| entry.deps = flat(64, 2)), Ok(()));
    assert_eq!(
        with(&|entry| entry.deps = flat(others.len(), 2)),
        Err(HeaderError::TooManyDeps(65).into())
    );
    let parents = |count| with(&|entry| entry.operations[0].parents = flat(count, 3));
    assert_eq!(parents(1_024), Ok(()));
    assert_eq!(
        parents(1_025),
        Err(HeaderError::TooManyParents(1_025).into())
    );
    let operations =
        |count| with(&|entry| entry.operations = vec![entry.operations[0].clone(); count]);
    assert_eq!(operations(4_096), Ok(()));
    assert_eq!(
        operations(4_097),
        Err(HeaderError::TooManyOps(4_097).into())
    );
}

#[test]
fn form_and_size_are_verified_after_rebuilding() {
    let log = Log::of(1, 1);
    let run = log.signed(..);
    let verified = |change: &dyn Fn(&mut messages::Entry)| {
        let (mut message, decoder) = message_of(&run);
        change(&mut message.entries[0]);
        decoder.run(message).unwrap().verify().unwrap_err()
    };
    let at = log.at(1);
    let own_dep = verified(&|entry| entry.deps = vec![0, 1]);
    let cause = HeaderError::DepOrder;
    assert_eq!(own_dep, RunError::Entry { at, cause });
    let large = verified(&|entry| {
        entry.operations[0].body = Bytes::from(vec![0; MAX_ENTRY_BYTES]);
    });
    assert!(matches!(
        large,
        RunError::Entry {
            cause: HeaderError::TooLarge(_),
            ..
        }
    ));
    let other = verified(&|entry| {
        entry.operations[0].body = body(&Operation::delete("k")).joined().clone();
    });
    assert_eq!(other, RunError::Signature { at });
}

#[test]
fn a_run_of_another_store_is_not_rebuilt_as_ours() {
    let (message, _) = message_of(&Log::of(1, 2).signed(..));
    let mut elsewhere = RunDecoder::new(StoreId::from_bytes([3; 16]));
    let author = Bytes::copy_from_slice(identity(1).author().as_bytes());
    elsewhere.new_authors(&[author]).unwrap();
    assert!(matches!(
        elsewhere.run(message).unwrap().verify(),
        Err(RunError::Signature { .. })
    ));
}

#[test]
fn the_author_table_is_bounded() {
    let mut decoder = decoder();
    let id = Bytes::from_static(&[1; 32]);
    let short = Bytes::from_static(&[1; 31]);
    assert_eq!(decoder.new_authors(&[short]), Err(RunDecodeError::AuthorId));
    let full = vec![id.clone(); MAX_SESSION_AUTHORS];
    assert_eq!(decoder.new_authors(&full), Ok(()));
    assert_eq!(
        decoder.new_authors(&[id]),
        Err(RunDecodeError::TooManyAuthors)
    );
}
