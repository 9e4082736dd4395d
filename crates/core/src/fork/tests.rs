//! Fork evidence: two histories convict, nothing less does, and no bytes do harm.

use proptest::prelude::*;

use super::*;
use crate::entry::OpHeader;
use crate::fixtures::{Log, Seeded, any_header, damage, identity};
use crate::hash::Commitment;
use crate::hlc::Hlc;
use crate::{Identity, OpRef, StoreId};

fn chain(me: &Identity, first: u64, len: u64, salt: u64) -> SignedChain {
    let mut prev = EntryHash::ZERO;
    let headers: Vec<Header> = (first..first + len)
        .map(|seq| {
            let header = Header {
                store: StoreId::ZERO,
                author: me.author(),
                seq,
                prev,
                hlc: Hlc::from_millis(seq + salt),
                deps: vec![],
                ops: vec![],
            };
            prev = header.hash();
            header
        })
        .collect();
    SignedChain {
        signature: me.sign(SIGNATURE_DOMAIN, prev.as_bytes()),
        headers,
    }
}

fn pair(one: SignedChain, other: SignedChain) -> Result<EntryRef, ForkError> {
    ForkEvidence { one, other }.verify()
}

#[test]
fn two_histories_convict() {
    let me = identity(1);
    let at = EntryRef {
        author: me.author(),
        seq: 3,
    };
    assert_eq!(pair(chain(&me, 3, 4, 0), chain(&me, 3, 2, 100)), Ok(at));
    assert_eq!(pair(chain(&me, 3, 1, 0), chain(&me, 3, 1, 1)), Ok(at));
}

#[test]
fn an_entry_that_follows_another_one_convicts_too() {
    let me = identity(1);
    let whole = chain(&me, 3, 4, 0);
    let tail = |whole: &SignedChain, from: usize| SignedChain {
        headers: whole.headers[from..].to_vec(),
        signature: whole.signature,
    };
    let twin = tail(&chain(&me, 3, 2, 100), 1);
    let at = whole.headers[0].at();
    assert_eq!(pair(whole.clone(), twin.clone()), Ok(at));
    assert_eq!(pair(twin.clone(), whole.clone()), Ok(at));
    // The entry that does follow, and one that is too far off to tell.
    for own in [1, 0] {
        assert_eq!(
            pair(whole.clone(), tail(&whole, own)),
            Err(ForkError::SameHistory)
        );
        assert_eq!(
            pair(tail(&whole, own), whole.clone()),
            Err(ForkError::SameHistory)
        );
    }
    assert_eq!(pair(tail(&whole, 3), twin), Err(ForkError::DifferentPlace));
}

#[test]
fn less_than_two_histories_does_not() {
    let (me, you) = (identity(1), identity(2));
    let good = || chain(&me, 3, 4, 0);
    assert_eq!(
        pair(good(), chain(&me, 3, 2, 0)),
        Err(ForkError::SameHistory)
    );
    assert_eq!(pair(good(), good()), Err(ForkError::SameHistory));
    for elsewhere in [chain(&you, 3, 2, 1), chain(&me, 5, 2, 1)] {
        assert_eq!(pair(good(), elsewhere), Err(ForkError::DifferentPlace));
    }
    let mut unsigned = chain(&me, 3, 2, 100);
    let at = unsigned.headers[1].at();
    unsigned.signature = you.sign(SIGNATURE_DOMAIN, unsigned.headers[1].hash().as_bytes());
    assert_eq!(pair(good(), unsigned), Err(ForkError::Signature { at }));
    let mut broken = chain(&me, 3, 3, 100);
    broken.headers.remove(1);
    let at = broken.headers[1].at();
    assert_eq!(pair(good(), broken), Err(ForkError::Broken { at }));
    // Signed, but not linked; linked, but another log's or another store's.
    let relinked = |change: fn(&mut Header)| {
        let mut chain = chain(&me, 3, 3, 100);
        change(&mut chain.headers[1]);
        chain.headers[2].prev = chain.headers[1].hash();
        let tip = chain.headers[2].hash();
        chain.signature = me.sign(SIGNATURE_DOMAIN, tip.as_bytes());
        let at = chain.headers[1].at();
        assert_eq!(pair(good(), chain), Err(ForkError::Broken { at }));
    };
    relinked(|header| header.prev = EntryHash::ZERO);
    relinked(|header| header.author = identity(2).author());
    relinked(|header| header.store = StoreId::from_bytes([1; 16]));
    relinked(|header| header.seq += 1);
    let mut elsewhere = chain(&me, 3, 1, 100);
    elsewhere.headers[0].store = StoreId::from_bytes([1; 16]);
    let tip = elsewhere.headers[0].hash();
    elsewhere.signature = me.sign(SIGNATURE_DOMAIN, tip.as_bytes());
    assert_eq!(pair(good(), elsewhere), Err(ForkError::DifferentPlace));
    let mut malformed = chain(&me, 3, 1, 100);
    malformed.headers[0].seq = 0;
    assert!(matches!(
        pair(malformed, good()),
        Err(ForkError::Header { .. })
    ));
}

#[test]
fn a_chain_is_no_longer_than_a_run() {
    let me = identity(1);
    let good = || chain(&me, 1, 1, 7);
    let mut none = good();
    none.headers.clear();
    assert_eq!(pair(good(), none), Err(ForkError::Length(0)));
    assert!(pair(good(), chain(&me, 1, 1_024, 0)).is_ok());
    let long = chain(&me, 1, 1_025, 0);
    assert_eq!(pair(good(), long.clone()), Err(ForkError::Length(1_025)));
    let evidence = ForkEvidence {
        one: long,
        other: good(),
    };
    assert_eq!(
        ForkEvidence::decode(&evidence.encode()),
        Err(ForkDecodeError::TooManyHeaders)
    );
    let mut wide = chain(&me, 1, 2, 0);
    let parents: Vec<OpRef> = (1..=1_024)
        .map(|seq| OpRef {
            author: identity(2).author(),
            seq,
            op: 0,
        })
        .collect();
    for header in &mut wide.headers {
        let op = OpHeader {
            commitment: Commitment::ZERO,
            parents: parents.clone(),
        };
        header.ops = vec![op; 13];
    }
    let size = wide.headers.iter().map(Header::encoded_len).sum();
    assert_eq!(pair(good(), wide), Err(ForkError::TooLarge(size)));
}

#[test]
fn evidence_comes_from_runs() {
    let (log, twin) = (Log::of(1, 4), {
        let mut twin = Log::of(1, 2);
        twin.push(vec![], vec![]);
        twin
    });
    let of = |log: &Log| SignedChain::of(&log.run(..), 3).unwrap();
    assert_eq!(pair(of(&log), of(&twin)), Ok(log.at(3)));
    assert_eq!(SignedChain::of(&log.run(..), 5), None);
}

#[test]
fn oversized_and_partial_bytes_are_refused() {
    let too_long = vec![0; MAX_EVIDENCE_BYTES + 1];
    assert_eq!(
        ForkEvidence::decode(&too_long),
        Err(ForkDecodeError::TooLarge(MAX_EVIDENCE_BYTES + 1))
    );
    assert_eq!(
        ForkEvidence::decode(&[]),
        Err(ForkDecodeError::MissingChain)
    );
    assert_eq!(ForkEvidence::decode(&[0xff]), Err(ForkDecodeError::Message));
    // Two chains without fields.
    assert_eq!(
        ForkEvidence::decode(&[0x0a, 0, 0x12, 0]),
        Err(ForkDecodeError::SignatureLength)
    );
}

proptest! {
    #[test]
    fn decode_of_encode_is_the_evidence(
        one in prop::collection::vec(any_header(), 1..4),
        other in prop::collection::vec(any_header(), 1..4),
        signature in any::<[u8; 32]>(),
    ) {
        let signature = Signature::from_slice(&[signature, signature].concat()).unwrap();
        let evidence = ForkEvidence {
            one: SignedChain { headers: one, signature },
            other: SignedChain { headers: other, signature },
        };
        prop_assert_eq!(ForkEvidence::decode(&evidence.encode()), Ok(evidence));
    }

    #[test]
    fn damaged_evidence_convicts_nobody_else(seed in any::<u64>()) {
        let me = identity(1);
        let evidence = ForkEvidence {
            one: chain(&me, 3, 3, 0),
            other: chain(&me, 3, 2, 100),
        };
        let mut bytes = evidence.encode();
        damage(&mut bytes, &mut Seeded(seed));
        if let Ok(read) = ForkEvidence::decode(&bytes)
            && let Ok(at) = read.verify()
        {
            prop_assert_eq!(at, evidence.verify().unwrap());
        }
    }
}
