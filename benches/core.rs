//! Hashing, signing, checking and framing of entries, beside what the bare primitives do.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot set up measures nothing"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use nocturne_benches::limits::{blake3_bytes_per_s, sign_per_s, verify_strict_per_s};
use nocturne_benches::meter::Meter;
use nocturne_benches::rows::{Log, genesis};
use nocturne_core::wire::{RunDecoder, RunEncoder};
use nocturne_core::{Identity, SignedRun};

/// Entries of the longer runs.
const RUN: u32 = 1_000;

fn hash(criterion: &mut Criterion) {
    let entry = Log::new(&genesis(1), 1).entries(1).remove(0);
    let body = entry
        .bodies
        .first()
        .cloned()
        .flatten()
        .expect("a fresh entry has its body");
    let body_len = body.len();
    let header_len = entry.header.encoded_len();

    let commitments = Meter::new();
    criterion.bench_function("core/commitment", |bencher| {
        bencher.iter_custom(|count| {
            let work = || {
                for _ in 0..count {
                    black_box(black_box(&body).commitment());
                }
            };
            commitments.time(count, work).1
        });
    });
    let headers = Meter::new();
    criterion.bench_function("core/header hash", |bencher| {
        bencher.iter_custom(|count| {
            let work = || {
                for _ in 0..count {
                    black_box(black_box(&entry.header).hash());
                }
            };
            headers.time(count, work).1
        });
    });
    commitments.beside(
        "commitment",
        "operations",
        &[("BLAKE3 of as many bytes", hashes(body_len))],
    );
    headers.beside(
        "header hash",
        "headers",
        &[("BLAKE3 of as many bytes", hashes(header_len))],
    );
}

fn sign(criterion: &mut Criterion) {
    let mut log = Log::new(&genesis(2), 2);
    let entries = log.entries(64);
    let identity = Identity::from_secret_bytes(&[7; 32]);
    let meter = Meter::new();
    criterion.bench_function("core/sign a run of 64", |bencher| {
        bencher.iter_custom(|count| {
            let copies: Vec<_> = (0..count).map(|_| entries.clone()).collect();
            let work = || {
                for entries in copies {
                    black_box(SignedRun::sign(&identity, entries));
                }
            };
            meter.time(count, work).1
        });
    });
    meter.beside(
        "sign a run of 64",
        "runs",
        &[("Ed25519 signatures", sign_per_s())],
    );
}

fn verify(criterion: &mut Criterion) {
    let strict = verify_strict_per_s();
    for length in [1, 64, RUN] {
        let mut log = Log::new(&genesis(3), 3);
        let run = log.run(usize::try_from(length).unwrap_or_default());
        let entry = run
            .entries()
            .first()
            .cloned()
            .expect("the run is not empty");
        let (header_len, entry_len) = (entry.header.encoded_len(), entry.size());
        let meter = Meter::new();
        criterion.bench_function(&format!("core/verify a run of {length}"), |bencher| {
            bencher.iter_custom(|count| {
                let copies: Vec<_> = (0..count).map(|_| run.clone()).collect();
                let work = || {
                    for run in copies {
                        black_box(run.verify()).expect("the run was signed just now");
                    }
                };
                meter.time(count * u64::from(length), work).1
            });
        });
        // Two hashes for each entry, one signature for each run.
        let hashing = 1.0 / hashes(header_len) + 1.0 / hashes(entry_len - header_len);
        let limit = 1.0 / (hashing + 1.0 / (strict * f64::from(length)));
        let limits = [
            ("entries by BLAKE3 and verify_strict alone", limit),
            ("entries with a signature each", strict),
        ];
        meter.beside(&format!("verify a run of {length}"), "entries", &limits);
    }
}

fn wire(criterion: &mut Criterion) {
    let mut log = Log::new(&genesis(4), 4);
    let run = log.run(usize::try_from(RUN).unwrap_or_default());
    let store = run
        .entries()
        .first()
        .map(|entry| entry.header.store)
        .expect("the run is not empty");
    let mut encoder = RunEncoder::new();
    let message = encoder.run(&run).expect("the run is not empty");
    let mut decoder = RunDecoder::new(store);
    decoder
        .new_authors(&encoder.take_new_authors())
        .expect("one author is within limits");

    let meter = Meter::new();
    criterion.bench_function("core/rebuild and verify a run from the wire", |bencher| {
        bencher.iter_custom(|count| {
            let copies: Vec<_> = (0..count).map(|_| message.clone()).collect();
            let work = || {
                for message in copies {
                    let run = decoder.run(message).expect("the message was made just now");
                    black_box(run.verify()).expect("the run was signed just now");
                }
            };
            meter.time(count * u64::from(RUN), work).1
        });
    });
    let strict = verify_strict_per_s() * f64::from(RUN);
    meter.beside(
        "rebuild and verify from the wire",
        "entries",
        &[("entries by verify_strict alone", strict)],
    );
}

/// BLAKE3 hashes a second of inputs of `len` bytes.
fn hashes(len: usize) -> f64 {
    blake3_bytes_per_s(len) / f64::from(u32::try_from(len).unwrap_or(u32::MAX))
}

criterion_group! {
    name = benches;
    config = Criterion::default().without_plots().sample_size(20);
    targets = hash, sign, verify, wire
}
criterion_main!(benches);
