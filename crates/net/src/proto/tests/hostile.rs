//! What a session makes of a peer that breaks the rules.

mod data;

use bytes::Bytes;
use nocturne_core::wire::RunEncoder;
use nocturne_core::wire::messages::Runs;
use nocturne_core::{AuthorId, EntryHash, Frontier, LogHead, OpRef};
use proptest::prelude::*;

use super::pair::{End, put, store};
use crate::framing::{FrameError, PREFIX_LEN};
use crate::proto::messages::{self, Hello};
use crate::proto::{
    Input, MAX_FRAME, MAX_HELLO_FRAME, RefuseReason, SessionError, VERSION, Violation, peek_store,
};
use crate::sim::SimStore;

/// A peer that says what the test wants, to a store that holds one entry of its own.
struct Scene {
    store: SimStore,
    peer: SimStore,
}

fn scene() -> Scene {
    let mut scene = Scene {
        store: store(1),
        peer: store(2),
    };
    put(&mut scene.store, "mine", "1");
    put(&mut scene.peer, "theirs", "2");
    put(&mut scene.peer, "theirs", "3");
    scene
}

fn bare(frame: &Bytes) -> Bytes {
    frame.slice(PREFIX_LEN..)
}

impl Scene {
    fn hello(&self) -> Hello {
        Hello {
            version: VERSION,
            store: self.peer.replica().genesis().store_id(),
            frontier: self.peer.frontier().digest(),
            wanted: 0,
            wall_ms: 0,
        }
    }

    /// The peer's greeting and frontier, as they should be.
    fn greeting(&self) -> Vec<Bytes> {
        let mut frames = vec![messages::hello(&self.hello())];
        frames.extend(messages::frontiers(self.peer.frontier()));
        frames
    }

    fn runs(&self) -> Runs {
        runs_of(&self.peer)
    }

    /// Feeds frames and returns how it ended, if it did.
    fn feed(&mut self, frames: impl IntoIterator<Item = Bytes>) -> Option<SessionError> {
        let mut end = End::new(&mut self.store);
        end.drive(0);
        for frame in frames {
            end.session.handle(0, Input::Message(bare(&frame)));
            end.drive(0);
        }
        end.outcome.map(|outcome| outcome.unwrap_err())
    }

    #[track_caller]
    fn violates(&mut self, frames: impl IntoIterator<Item = Bytes>, violation: Violation) {
        assert_eq!(self.feed(frames), Some(SessionError::Violation(violation)),);
    }
}

fn runs_of(store: &SimStore) -> Runs {
    let mut encoder = RunEncoder::new();
    let runs = store
        .replica()
        .runs_since(&Frontier::new())
        .into_iter()
        .filter_map(|run| encoder.run(&run.into_signed()))
        .collect();
    Runs {
        new_authors: encoder.take_new_authors(),
        runs,
    }
}

fn out_of_order(message: &'static str) -> Violation {
    Violation::OutOfOrder { message }
}

#[test]
fn an_honest_script_gives_no_error() {
    let mut scene = scene();
    let mut frames = scene.greeting();
    frames.push(messages::runs(scene.runs()));
    frames.push(messages::end());
    assert_eq!(scene.feed(frames), None);
    assert_eq!(scene.store.frontier().len(), 2);
}

#[test]
fn the_first_message_must_be_a_hello_and_the_only_one() {
    let digest = scene().peer.frontier().digest();
    for (frame, name) in [
        (messages::end(), "End"),
        (messages::credit(1), "Credit"),
        (messages::durable(digest), "Durable"),
        (messages::runs(Runs::default()), "Runs"),
        (messages::bodies(vec![], true), "Bodies"),
    ] {
        scene().violates([frame], out_of_order(name));
    }
    let mut scene = scene();
    let hello = messages::hello(&scene.hello());
    scene.violates([hello.clone(), hello], out_of_order("Hello"));
}

#[test]
fn another_version_or_store_is_told_apart() {
    let mut scene = scene();
    let newer = Hello {
        version: 9,
        ..scene.hello()
    };
    assert_eq!(
        scene.feed([messages::hello(&newer)]),
        Some(SessionError::Version(9))
    );
    let other = Hello {
        store: nocturne_core::StoreId::from_bytes([7; 16]),
        ..scene.hello()
    };
    scene.violates([messages::hello(&other)], Violation::OtherStore);
}

#[test]
fn a_refusal_ends_it_without_blame() {
    for reason in [
        RefuseReason::UnknownStore,
        RefuseReason::Busy,
        RefuseReason::Unavailable,
        RefuseReason::Other,
    ] {
        let frame = crate::proto::Session::refusal(reason);
        assert_eq!(scene().feed([frame]), Some(SessionError::Refused(reason)));
    }
}

#[test]
fn frontiers_must_be_sorted_whole_and_as_announced() {
    let mut scene = scene();
    let hello = messages::hello(&scene.hello());
    let other: Frontier = [(
        AuthorId::from_bytes([3; 32]),
        LogHead {
            seq: 1,
            hash: EntryHash::from_bytes([3; 32]),
        },
    )]
    .into_iter()
    .collect();
    let mut frames = vec![hello.clone()];
    frames.extend(messages::frontiers(&other));
    scene.violates(frames, Violation::FrontierDigest);

    let head = |author: u8, seq| messages::wire::Head {
        author: Bytes::from(vec![author; 32]),
        seq,
        hash: Bytes::from(vec![1; 32]),
    };
    let part = |heads, last| {
        let message = messages::wire::Frontiers { heads, last };
        crate::framing::frame_message(&messages::wire::Frame {
            kind: Some(messages::wire::frame::Kind::Frontiers(message)),
        })
    };
    for heads in [
        vec![head(2, 1), head(1, 1)],
        vec![head(1, 1), head(1, 2)],
        vec![head(1, 0)],
    ] {
        scene.violates([hello.clone(), part(heads, true)], Violation::Frontier);
    }
    // A part that is not the last must be full: no trickle of tiny parts.
    scene.violates(
        [hello.clone(), part(vec![head(1, 1)], false)],
        Violation::Frontier,
    );
    let crowd = vec![head(1, 1); 1_001];
    scene.violates(
        [hello.clone(), part(crowd, true)],
        Violation::TooMany {
            message: "Frontiers",
        },
    );
    // Full parts without end.
    let full: Vec<Bytes> = (0..70)
        .map(|_| part(vec![head(1, 1); 1_000], false))
        .collect();
    scene.violates([vec![hello], full].concat(), Violation::TooManyAuthors);
}

#[test]
fn messages_have_their_time() {
    let mut scene = scene();
    let greeting = scene.greeting();
    let digest = scene.peer.frontier().digest();
    let hello = &greeting[..1];
    let at = OpRef {
        author: scene.store.author(),
        seq: 1,
        op: 0,
    };
    scene.violates(
        [hello, &[messages::runs(scene.runs())]].concat(),
        out_of_order("Runs"),
    );
    scene.violates(
        [&greeting[..], &messages::frontiers(scene.peer.frontier())].concat(),
        out_of_order("Frontiers"),
    );
    scene.violates(
        [&greeting[..], &[messages::end(), messages::end()]].concat(),
        out_of_order("End"),
    );
    scene.violates(
        [
            &greeting[..],
            &[messages::end(), messages::runs(scene.runs())],
        ]
        .concat(),
        out_of_order("Runs"),
    );
    let durable = messages::durable(digest);
    scene.violates(
        [&greeting[..], &[durable.clone(), messages::want(&[at])]].concat(),
        out_of_order("Want"),
    );
    scene.violates(
        [&greeting[..], &[durable.clone(), durable]].concat(),
        out_of_order("Durable"),
    );
    scene.violates(
        [&greeting[..], &[messages::bodies(vec![], true)]].concat(),
        Violation::Bodies,
    );
}

#[test]
fn frames_are_small_until_the_peer_is_known() {
    let mut scene = scene();
    let mut end = End::new(&mut scene.store);
    assert_eq!(end.session.max_frame(), MAX_HELLO_FRAME);
    end.session.violated(Violation::Frame(FrameError::TooLarge {
        len: 1 << 30,
        max: MAX_HELLO_FRAME,
    }));
    end.drive(0);
    let error = end.outcome.unwrap().unwrap_err();
    assert_eq!(
        error.close_reason(),
        Some(crate::transport::CloseReason::Violation)
    );
}

#[test]
fn the_end_of_the_stream_and_of_the_store_are_told_apart() {
    for (input, blamed) in [
        (Input::Ended, false),
        (Input::Failed(crate::proto::LocalFailure::Read), false),
    ] {
        let mut scene = scene();
        let mut end = End::new(&mut scene.store);
        end.session.handle(0, input);
        end.drive(0);
        let error = end.outcome.unwrap().unwrap_err();
        assert_eq!(error.close_reason().is_some(), blamed);
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..6)) {
        let mut scene = scene();
        let mut end = End::new(&mut scene.store);
        for frame in frames {
            let frame = Bytes::from(frame);
            let _ = peek_store(&frame);
            end.session.handle(0, Input::Message(frame));
            end.drive(0);
        }
    }

    /// One byte of an honest conversation is changed: no panic, and never a wrong entry.
    #[test]
    fn a_flipped_byte_never_gets_through(which in 0usize..5, at in any::<prop::sample::Index>(), flip in 1u8..=255) {
        let mut scene = scene();
        let mut frames = scene.greeting();
        frames.push(messages::runs(scene.runs()));
        frames.push(messages::end());
        let mut frames: Vec<Vec<u8>> = frames.into_iter().map(|f| bare(&f).to_vec()).collect();
        let which = which % frames.len();
        let place = at.index(frames[which].len());
        frames[which][place] ^= flip;
        let honest = scene.peer.frontier().clone();
        let mine = scene.store.frontier().clone();
        let mut end = End::new(&mut scene.store);
        end.drive(0);
        for frame in frames {
            prop_assert!(frame.len() <= MAX_FRAME);
            end.session.handle(0, Input::Message(frame.into()));
            end.drive(0);
        }
        for (author, head) in scene.store.frontier().iter() {
            let known = honest.get(author).or_else(|| mine.get(author)).unwrap();
            prop_assert!(head.seq < known.seq || head.hash == known.hash);
        }
    }
}
