//! Reads the predicates of cuts for the store, which has to recognise late operations.

use nocturne_core::{Hlc, Operation};
use nocturne_store::{BadPredicate, Covers, Cut, Judge};

use crate::policy::{Facts, Predicate};
use crate::target::covers;

/// The judge to open stores with.
#[derive(Debug, Clone, Copy, Default)]
pub struct PolicyJudge;

impl Judge for PolicyJudge {
    fn compile(&self, cut: &Cut) -> Result<Box<dyn Covers>, BadPredicate> {
        let predicate = Predicate::decode(&cut.predicate).map_err(|_| BadPredicate)?;
        Ok(Box::new(CutPredicate {
            predicate,
            as_of_ms: cut.as_of_ms,
        }))
    }
}

#[derive(Debug)]
struct CutPredicate {
    predicate: Predicate,
    as_of_ms: u64,
}

impl Covers for CutPredicate {
    fn covers(&self, operation: &Operation, hlc: Hlc) -> bool {
        covers(&self.predicate, &Facts::of(operation, hlc), self.as_of_ms)
    }
}
