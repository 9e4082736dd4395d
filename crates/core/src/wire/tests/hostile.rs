//! Any run survives the wire; random, damaged and shuffled messages do no harm.

use proptest::prelude::*;

use super::*;
use crate::fixtures::{Seeded, any_header, damage};
use crate::run::VerifiedRun;

/// What a run says, without the memory it says it in.
fn same(read: &VerifiedRun, sent: &VerifiedRun) -> bool {
    let headers = |run: &VerifiedRun| -> Vec<Header> {
        let entries = run.entries().iter();
        entries.map(|entry| entry.entry().header.clone()).collect()
    };
    headers(read) == headers(sent) && read.signature() == sent.signature()
}

proptest! {
    #[test]
    fn any_header_survives_the_wire(header in any_header(), tail in any_header()) {
        let store = header.store;
        let no_bodies = |header: Header| Entry { bodies: vec![None; header.ops.len()], header };
        let tail = Header {
            store,
            author: header.author,
            seq: header.seq.saturating_add(1),
            prev: header.hash(),
            hlc: Hlc::from_bits(header.hlc.bits().saturating_add(tail.hlc.bits())),
            deps: vec![],
            ..tail
        };
        let entries = if header.seq == u64::MAX { vec![header] } else { vec![header, tail] };
        let entries: Vec<Entry> = entries.into_iter().map(no_bodies).collect();
        let run = SignedRun::new(entries.clone(), Signature::from_bytes([5; 64]));
        let message = send(&mut RunEncoder::new(), &[run]);
        let mut decoder = RunDecoder::new(store);
        let back = receive(&mut decoder, message).unwrap().remove(0);
        prop_assert_eq!(back.entries(), &entries[..]);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = messages::Runs::decode(Bytes::from(bytes))
            && let Ok(runs) = receive(&mut decoder(), message)
        {
            for run in runs {
                prop_assert!(run.verify().is_err());
            }
        }
    }

    #[test]
    fn a_damaged_message_never_verifies_as_something_else(seed in any::<u64>()) {
        let sent = tangled().run(..);
        let mut encoder = RunEncoder::new();
        let run = encoder.run(&sent.clone().into_signed()).unwrap();
        let message = messages::Runs { new_authors: encoder.take_new_authors(), runs: vec![run] };
        let mut bytes = message.encode_to_vec();
        damage(&mut bytes, &mut Seeded(seed));
        if let Ok(message) = messages::Runs::decode(Bytes::from(bytes))
            && let Ok(runs) = receive(&mut decoder(), message)
        {
            for read in runs.into_iter().filter_map(|run| run.verify().ok()) {
                prop_assert!(same(&read, &sent));
            }
        }
    }

    #[test]
    fn shuffled_fields_never_panic(
        author in 0_u32..4,
        first_seq in any::<u64>(),
        first_hlc in any::<u64>(),
        numbers in prop::collection::vec(0_u64..5, 0..40),
        delta in any::<u64>(),
        lens in prop::array::uniform4(0_usize..70),
    ) {
        let bytes = |len: usize| Bytes::from(vec![1; len]);
        let operation = messages::Operation {
            body: bytes(lens[0]),
            commitment: bytes(lens[1]),
            parents: numbers.clone(),
        };
        let entry = messages::Entry { hlc_delta: delta, deps: numbers, operations: vec![operation] };
        let run = messages::Run {
            author,
            first_seq,
            prev: bytes(if lens[2] < 60 { 32 } else { lens[2] }),
            first_hlc,
            entries: vec![messages::Entry::default(), entry],
            signature: bytes(if lens[3] < 60 { 64 } else { lens[3] }),
            version: 1,
        };
        let mut decoder = decoder();
        let ids = [1, 2, 3].map(|n| Bytes::copy_from_slice(identity(n).author().as_bytes()));
        decoder.new_authors(&ids).unwrap();
        if let Ok(run) = decoder.run(run) {
            prop_assert!(run.verify().is_err());
        }
    }
}
