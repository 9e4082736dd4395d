//! `kill -9` at random moments: every acknowledged write is there, and the store opens without help.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nocturne_core::Entropy;
use nocturne_store::SeededEntropy;

use crate::harness::Home;

/// Rounds; `NOCTURNE_KILL_ROUNDS` asks for more.
fn rounds() -> u64 {
    std::env::var("NOCTURNE_KILL_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(5)
}

#[test]
fn no_acknowledged_write_is_lost() {
    let home = Home::init("one");
    let mut entropy = SeededEntropy::new(7);
    let mut acknowledged = Vec::new();
    for round in 0..rounds() {
        let daemon = home.serve();
        let mut byte = [0];
        entropy.fill(&mut byte);
        let goal = 1 + u64::from(byte[0] % 24);
        let (count, stop) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..3)
                .map(|writer| {
                    let (home, count, stop) = (&home, Arc::clone(&count), Arc::clone(&stop));
                    scope.spawn(move || {
                        let mut done = Vec::new();
                        for n in 0.. {
                            if stop.load(Ordering::SeqCst) {
                                break;
                            }
                            let key = format!("{round}/{writer}/{n}");
                            if home.run(["put", &key, &key]).code != 0 {
                                break;
                            }
                            done.push(key);
                            count.fetch_add(1, Ordering::SeqCst);
                        }
                        done
                    })
                })
                .collect();
            while count.load(Ordering::SeqCst) < goal {
                std::thread::yield_now();
            }
            // While the others are in the middle of something. What they write after the daemon is
            // gone goes to the data directory itself, and counts as well.
            daemon.kill();
            stop.store(true, Ordering::SeqCst);
            for writer in writers {
                acknowledged.extend(writer.join().unwrap());
            }
        });
        let rows = home.rows();
        for key in &acknowledged {
            assert!(
                rows.contains(&format!("\"{key}\"")),
                "{key} is lost after round {round}"
            );
        }
        home.run(["verify", "--deep"]).ok();
    }
    assert!(acknowledged.len() as u64 >= rounds());
}
