//! Runs, bodies and credit that nobody asked for or that are not what they claim to be.

use bytes::Bytes;
use nocturne_core::limits::MAX_RUN_ENTRIES;
use nocturne_core::wire::RunEncoder;
use nocturne_core::wire::messages::{Entry, Run, Runs};
use nocturne_core::{Frontier, OpBody, OpRef, RunError};

use super::{bare, runs_of, scene};
use crate::proto::messages::{self, Hello};
use crate::proto::tests::pair::{End, put, store, sync};
use crate::proto::{Input, Output, SessionError, VERSION, Violation};

#[test]
fn credit_that_was_never_used_and_data_beyond_the_window_are_refused() {
    let mut scene = scene();
    let mut frames = scene.greeting();
    frames.push(messages::credit(u64::MAX));
    scene.violates(frames.clone(), Violation::Credit);
    frames.pop();
    frames.push(messages::credit(0));
    scene.violates(frames, Violation::Credit);

    // A peer that sends on without waiting, to a store that does not get to write.
    let mut peer = store(3);
    let value = "v".repeat(900_000);
    for i in 0..12 {
        put(&mut peer, &format!("k{i}"), &value);
    }
    scene.peer = peer;
    let mut end = End::new(&mut scene.store);
    let mut encoder = RunEncoder::new();
    let hello = Hello {
        version: VERSION,
        store: scene.peer.replica().genesis().store_id(),
        frontier: scene.peer.frontier().digest(),
        wanted: 0,
        wall_ms: 0,
    };
    end.receive(0, bare(&messages::hello(&hello)));
    for part in messages::frontiers(scene.peer.frontier()) {
        end.receive(0, bare(&part));
    }
    for run in scene.peer.replica().runs_since(&Frontier::new()) {
        let runs = encoder.run(&run.into_signed()).into_iter().collect();
        let new_authors = encoder.take_new_authors();
        let frame = messages::runs(Runs { new_authors, runs });
        end.session.handle(0, Input::Message(bare(&frame)));
    }
    let mut outcome = None;
    while let Some(output) = end.session.poll_output() {
        if let Output::Finished(finished) = output {
            outcome = Some(finished);
        }
    }
    assert_eq!(
        outcome,
        Some(Err(SessionError::Violation(Violation::Credit)))
    );
}

#[test]
fn runs_that_were_not_asked_for_are_refused() {
    // Twice the same, one left out, and a log that the frontier does not name.
    let mut scene = scene();
    let author = scene.peer.author();
    let twice = [
        messages::runs(scene.runs()),
        messages::runs(Runs {
            new_authors: vec![],
            ..scene.runs()
        }),
    ];
    scene.violates(
        [scene.greeting(), twice.to_vec()].concat(),
        Violation::Unrequested {
            author,
            first_seq: 1,
        },
    );
    let mut gap = scene.runs();
    gap.runs.remove(0);
    scene.violates(
        [scene.greeting(), vec![messages::runs(gap)]].concat(),
        Violation::Unrequested {
            author,
            first_seq: 2,
        },
    );
    let mut stranger = store(5);
    put(&mut stranger, "x", "y");
    scene.violates(
        [scene.greeting(), vec![messages::runs(runs_of(&stranger))]].concat(),
        Violation::Unrequested {
            author: stranger.author(),
            first_seq: 1,
        },
    );
}

#[test]
fn malformed_and_unsigned_runs_are_refused() {
    let mut scene = scene();
    let greeting = scene.greeting();
    let mut feed = |runs: Runs| scene.feed([greeting.clone(), vec![messages::runs(runs)]].concat());
    let good = feed_runs();
    let last = good.runs[0].clone();

    let mut forged = good.clone();
    forged.runs[0].signature = Bytes::from(vec![1; 64]);
    assert!(matches!(
        feed(forged),
        Some(SessionError::Violation(Violation::Invalid(
            RunError::Signature { .. }
        )))
    ));
    let mut nobody = good.clone();
    nobody.runs[0].author = 7;
    assert!(matches!(
        feed(nobody),
        Some(SessionError::Violation(Violation::Run(_)))
    ));
    let mut short = good.clone();
    short.runs[0].prev = Bytes::from(vec![1; 40]);
    assert!(matches!(
        feed(short),
        Some(SessionError::Violation(Violation::Run(_)))
    ));
    let empty = Runs {
        new_authors: vec![],
        runs: vec![],
    };
    assert_eq!(
        feed(empty),
        Some(SessionError::Violation(Violation::Malformed))
    );
    let unfolded = Runs {
        new_authors: good.new_authors.clone(),
        runs: vec![Run {
            entries: vec![Entry::default(); MAX_RUN_ENTRIES + 1],
            ..last
        }],
    };
    assert_eq!(
        feed(unfolded),
        Some(SessionError::Violation(Violation::TooMany {
            message: "Runs"
        }))
    );
}

fn feed_runs() -> Runs {
    scene().runs()
}

#[test]
fn questions_for_bodies_must_go_forward_one_at_a_time() {
    let mut scene = scene();
    let author = scene.store.author();
    let at = |seq| OpRef { author, seq, op: 0 };
    let mut base = scene.greeting();
    base.push(messages::end());
    let with = |frames: &[Bytes]| [&base[..], frames].concat();
    // Answered at once by the test's store, so the second is a new question.
    scene.violates(
        with(&[messages::want(&[at(2)]), messages::want(&[at(1)])]),
        Violation::Want,
    );
    scene.violates(with(&[messages::want(&[at(1), at(1)])]), Violation::Want);
    scene.violates(with(&[messages::want(&[])]), Violation::Want);
    scene.violates(with(&[messages::want(&[at(0)])]), Violation::Want);
    let crowd: Vec<OpRef> = (1..=4_097).map(at).collect();
    scene.violates(
        with(&[messages::want(&crowd)]),
        Violation::TooMany { message: "Want" },
    );
}

#[test]
fn bodies_must_answer_the_question_and_match_their_headers() {
    // The store here lacks the body of the peer's first entry and asks for it.
    let (mut here, mut peer) = (store(1), store(2));
    put(&mut peer, "k", "v");
    let body = peer
        .body(OpRef {
            author: peer.author(),
            seq: 1,
            op: 0,
        })
        .unwrap()
        .clone();
    let mut gone = peer.clone();
    gone.forget(OpRef {
        author: peer.author(),
        seq: 1,
        op: 0,
    });
    sync(&mut gone, &mut here).0.unwrap();
    let hello = Hello {
        version: VERSION,
        store: here.replica().genesis().store_id(),
        frontier: here.frontier().digest(),
        wanted: 0,
        wall_ms: 0,
    };
    let wrong = OpBody::from_parts([0; 16], b"something else");
    for bodies in [
        vec![messages::bodies(vec![(0, wrong)], true)],
        vec![messages::bodies(vec![(1, body.clone())], true)],
        vec![messages::bodies(
            vec![(0, body.clone()), (0, body.clone())],
            true,
        )],
        vec![messages::bodies(vec![], false)],
        vec![
            messages::bodies(vec![(0, body.clone())], true),
            messages::bodies(vec![(0, body)], true),
        ],
    ] {
        let mut copy = here.clone();
        let mut end = End::new(&mut copy);
        end.drive(0);
        end.receive(0, bare(&messages::hello(&hello)));
        end.drive(0);
        for frame in bodies {
            end.receive(0, bare(&frame));
            end.drive(0);
        }
        assert_eq!(
            end.outcome,
            Some(Err(SessionError::Violation(Violation::Bodies)))
        );
    }
}

#[test]
fn entries_of_a_newer_version_are_nobodys_fault() {
    let mut scene = scene();
    let mut newer = scene.runs();
    newer.runs[0].version = 2;
    let error = scene
        .feed([scene.greeting(), vec![messages::runs(newer)]].concat())
        .unwrap();
    assert_eq!(error, SessionError::EntryVersion(2));
    assert_eq!(error.close_reason(), None);
}
