//! What came over gossip: decoded, verified and applied in batches, away from the loop that
//! receives it.

use bytes::Bytes;
use nocturne_core::wire::RunDecodeError;
use nocturne_core::{AuthorId, SignedRun, VerifiedRun};
use nocturne_store::{ApplyOutcome, StoreHandle};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::{Pull, PullReason};
use crate::proto::{Hint, Violation};

/// Messages that may wait to be applied: at 64 KiB each, 16 MiB at most.
pub(super) const INBOX: usize = 256;
/// Messages applied in one commit.
const BATCH: usize = 64;

/// A message and the neighbour that delivered it.
pub(super) type Delivery = (AuthorId, Bytes);

/// Applies what comes until the sender is gone.
pub(super) async fn work(
    store: StoreHandle,
    mut inbox: mpsc::Receiver<Delivery>,
    pulls: mpsc::Sender<Pull>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while inbox.recv_many(&mut batch, BATCH).await > 0 {
        let deliveries = std::mem::take(&mut batch);
        let id = store.id();
        let Ok(hints) = spawn_blocking(move || read(id, deliveries)).await else {
            return;
        };
        let mut runs = Vec::new();
        let mut senders = Vec::new();
        let mut due: Vec<Pull> = Vec::new();
        for (from, hint) in hints {
            match hint {
                Read::Runs(verified) => {
                    senders.extend(std::iter::repeat_n(from, verified.len()));
                    runs.extend(verified);
                }
                Read::Newer => due.push(Pull {
                    peer: Some(from),
                    reason: PullReason::Gap,
                }),
                Read::Announced { author, seq } => {
                    if store.frontier().seq(&author) < seq {
                        due.push(Pull {
                            peer: Some(from),
                            reason: PullReason::Announcement,
                        });
                    }
                }
            }
        }
        let Ok(outcomes) = store.apply(runs).await else {
            return;
        };
        for (from, outcome) in senders.into_iter().zip(outcomes) {
            if matches!(outcome, ApplyOutcome::Waiting(_)) {
                due.push(Pull {
                    peer: Some(from),
                    reason: PullReason::Gap,
                });
            }
        }
        due.dedup_by_key(|pull| pull.peer);
        for pull in due {
            // A full queue means that syncs are due anyway.
            pulls.try_send(pull).ok();
        }
    }
}

enum Read {
    Runs(Vec<VerifiedRun>),
    Announced {
        author: AuthorId,
        seq: u64,
    },
    /// A newer program's entries: a sync will say so to whoever runs it.
    Newer,
}

/// Blocking. Who wrote a broken message is not known, only who handed it on: it is dropped.
fn read(store: nocturne_core::StoreId, deliveries: Vec<Delivery>) -> Vec<(AuthorId, Read)> {
    let verify = |runs: Vec<SignedRun>| {
        runs.into_iter()
            .filter_map(|run| match run.verify() {
                Ok(run) => Some(run),
                Err(error) => {
                    tracing::debug!(%error, "a run from gossip does not verify");
                    None
                }
            })
            .collect()
    };
    deliveries
        .into_iter()
        .filter_map(|(from, message)| match Hint::decode(store, &message) {
            Ok(Hint::Runs(runs)) => Some((from, Read::Runs(verify(runs)))),
            Ok(Hint::Announce(at)) => Some((
                from,
                Read::Announced {
                    author: at.author,
                    seq: at.seq,
                },
            )),
            Err(Violation::Run(RunDecodeError::Version(_))) => Some((from, Read::Newer)),
            Err(error) => {
                tracing::debug!(%error, %from, "a gossip message makes no sense");
                None
            }
        })
        .collect()
}
