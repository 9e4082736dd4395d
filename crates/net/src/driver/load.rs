//! Reads what a session asks for from the store. Blocking.

use nocturne_core::OpRef;
use nocturne_store::{RunsQuery, StorageError, StoreHandle};

use crate::proto::{Cursor, Load, Loaded};

/// Missing bodies that one session asks for at most; the next session asks on.
const MAX_WANTED: usize = 65_536;
/// Bodies looked up at a time while an answer fills: a body has at most 1 MiB.
const BODIES: usize = 16;

pub(super) fn load(store: &StoreHandle, load: Load) -> Result<Loaded, StorageError> {
    match load {
        Load::Runs {
            have,
            after,
            max_bytes,
        } => {
            let page = store.snapshot()?.runs_since(&RunsQuery {
                have: &have,
                from_revision: after.map_or(0, |Cursor(revision)| revision),
                max_bytes,
            })?;
            Ok(Loaded::Runs {
                runs: page.runs,
                next: page.next_revision.map(Cursor),
            })
        }
        Load::Wanted { after, limit } => Ok(Loaded::Wanted {
            refs: wanted(store, after, limit)?,
        }),
        Load::Bodies { refs, max_bytes } => {
            let snapshot = store.snapshot()?;
            let (mut bodies, mut filled, mut answered) = (Vec::new(), 0, 0);
            for part in refs.chunks(BODIES) {
                if filled >= max_bytes {
                    break;
                }
                let found = snapshot.bodies(part)?;
                filled += found.iter().map(|(_, body)| body.len()).sum::<usize>();
                answered += part.len();
                bodies.extend(found);
            }
            Ok(Loaded::Bodies { bodies, answered })
        }
        Load::Frontier => Ok(Loaded::Frontier {
            digest: store.frontier().digest(),
        }),
    }
}

/// The store lists in its own order; the protocol asks in the order of places.
fn wanted(
    store: &StoreHandle,
    after: Option<OpRef>,
    limit: usize,
) -> Result<Vec<OpRef>, StorageError> {
    let mut refs = store.snapshot()?.wanted(MAX_WANTED)?;
    refs.retain(|at| after.is_none_or(|after| *at > after));
    refs.sort_unstable();
    refs.truncate(limit);
    Ok(refs)
}

/// How many bodies are missing, as far as one session can ask.
pub(super) fn wanted_count(store: &StoreHandle) -> Result<u64, StorageError> {
    Ok(store.snapshot()?.wanted(MAX_WANTED)?.len() as u64)
}
