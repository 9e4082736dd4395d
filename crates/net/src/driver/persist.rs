//! Verifies and stores what a session hands on: two stages, so that one batch is verified while
//! the one before is written.

use nocturne_core::{OpBody, OpRef, RunError, SignedRun, VerifiedRun};
use nocturne_store::{ActorError, ApplyOutcome, Refusal, StoreHandle};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};

use crate::proto::{LocalFailure, Persist, Persisted, Rejection, RunOutcome};

/// Batches between the stages: the session has at most two under way in all.
const BATCHES: usize = 2;

/// The two stages of one session; ends with it.
#[derive(Debug)]
pub(super) struct Pipeline {
    inlet: mpsc::Sender<Persist>,
    outlet: mpsc::Receiver<Result<Persisted, LocalFailure>>,
    /// Aborted when dropped.
    _stages: JoinSet<()>,
}

enum Verified {
    Runs(Vec<Result<VerifiedRun, RunError>>),
    Bodies(Vec<(OpRef, OpBody)>),
}

impl Pipeline {
    pub(super) fn new(store: StoreHandle) -> Self {
        let (inlet, mut batches) = mpsc::channel(BATCHES);
        let (checked, mut verified) = mpsc::channel(BATCHES);
        let (done, outlet) = mpsc::channel(BATCHES);
        let mut stages = JoinSet::new();
        stages.spawn(async move {
            while let Some(batch) = batches.recv().await {
                let Ok(batch) = spawn_blocking(move || verify(batch)).await else {
                    return;
                };
                if checked.send(batch).await.is_err() {
                    return;
                }
            }
        });
        stages.spawn(async move {
            while let Some(batch) = verified.recv().await {
                let persisted = store_batch(&store, batch).await.map_err(|error| {
                    tracing::error!(%error, store = %store.id(), "storing what a peer sent failed");
                    failure(&error)
                });
                if done.send(persisted).await.is_err() {
                    return;
                }
            }
        });
        Self {
            inlet,
            outlet,
            _stages: stages,
        }
    }

    /// Hands on a batch. The session never has more under way than there is room for.
    pub(super) fn push(&self, batch: Persist) -> Result<(), LocalFailure> {
        self.inlet
            .try_send(batch)
            .map_err(|_| LocalFailure::Unavailable)
    }

    /// What became of the oldest batch. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Persisted, LocalFailure> {
        match self.outlet.recv().await {
            Some(persisted) => persisted,
            None => Err(LocalFailure::Unavailable),
        }
    }
}

fn verify(batch: Persist) -> Verified {
    match batch {
        Persist::Runs(runs) => Verified::Runs(runs.into_iter().map(SignedRun::verify).collect()),
        Persist::Bodies(bodies) => Verified::Bodies(bodies),
    }
}

async fn store_batch(store: &StoreHandle, batch: Verified) -> Result<Persisted, ActorError> {
    match batch {
        Verified::Runs(runs) => {
            let mut valid = Vec::with_capacity(runs.len());
            let mut outcomes = Vec::with_capacity(runs.len());
            for run in runs {
                outcomes.push(run.as_ref().err().copied());
                valid.extend(run.ok());
            }
            let mut applied = store.apply(valid).await?.into_iter();
            let outcomes = outcomes
                .into_iter()
                .map(|invalid| match invalid {
                    Some(error) => RunOutcome::Invalid(error),
                    None => applied
                        .next()
                        .map_or(RunOutcome::Rejected(Rejection::Refused), outcome),
                })
                .collect();
            Ok(Persisted::Runs(outcomes))
        }
        Verified::Bodies(bodies) => {
            // The store takes only what matches a header that it has and a body that it lacks.
            // What it leaves out may have come from elsewhere meanwhile: no fault is inferred.
            let stored = store.supply_bodies(bodies).await?;
            Ok(Persisted::Bodies { stored, invalid: 0 })
        }
    }
}

/// The store's words in the protocol's.
pub(super) fn outcome(outcome: ApplyOutcome) -> RunOutcome {
    match outcome {
        ApplyOutcome::Applied(entries) => RunOutcome::Applied { entries },
        ApplyOutcome::Known => RunOutcome::Known,
        ApplyOutcome::Waiting(_) | ApplyOutcome::Quarantined => RunOutcome::Waiting,
        ApplyOutcome::Refused(Refusal::Diverges(_) | Refusal::Frozen) => {
            RunOutcome::Rejected(Rejection::Diverged)
        }
        ApplyOutcome::Refused(_) => RunOutcome::Rejected(Rejection::Refused),
    }
}

fn failure(error: &ActorError) -> LocalFailure {
    match error {
        ActorError::Storage(_) => LocalFailure::Write,
        _ => LocalFailure::Unavailable,
    }
}
