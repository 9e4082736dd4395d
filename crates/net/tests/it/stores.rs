//! Stores in memory for the tests.

use std::sync::Arc;

use bytes::Bytes;
use nocturne_core::{AuthorId, Genesis, Hlc, Operation};
use nocturne_net::driver::{Served, SyncOptions, serve_connection};
use nocturne_net::transport::Transport;
use nocturne_store::{
    BadPredicate, Batch, Covers, Cut, Judge, Medium, SeededEntropy, Store, StoreHandle,
    StoreOptions,
};
use tokio::sync::mpsc;

use crate::nodes::identity;

/// Predicates that are a key.
struct KeyJudge;

impl Judge for KeyJudge {
    fn compile(&self, cut: &Cut) -> Result<Box<dyn Covers>, BadPredicate> {
        Ok(Box::new(KeyIs(cut.predicate.clone())))
    }
}

struct KeyIs(Bytes);

impl Covers for KeyIs {
    fn covers(&self, operation: &Operation, _: Hlc) -> bool {
        operation.key == self.0
    }
}

/// Which of several stores of the same mesh.
pub(crate) fn genesis(which: u64) -> Genesis {
    let creator = AuthorId::from_bytes([9; 32]);
    Genesis::root(creator, 1, &mut SeededEntropy::new(which))
}

/// An empty store of the author with this seed.
pub(crate) fn store_of(which: u64, seed: u8) -> StoreHandle {
    let options = StoreOptions::system()
        .unwrap()
        .with_judge(Arc::new(KeyJudge));
    let medium = Medium::memory();
    let store = Store::create(medium, options, &genesis(which), identity(seed)).unwrap();
    StoreHandle::spawn(store).unwrap()
}

pub(crate) fn store(seed: u8) -> StoreHandle {
    store_of(1, seed)
}

/// Many single puts, grouped as the store groups them.
pub(crate) async fn fill(store: &StoreHandle, from: usize, count: usize, value: usize) {
    for start in (from..from + count).step_by(1_000) {
        let end = (start + 1_000).min(from + count);
        let batches = (start..end)
            .map(|i| Batch::new().put(format!("{i:032}"), vec![7; value]))
            .collect();
        for written in store.write_many(batches).await.unwrap() {
            written.unwrap();
        }
    }
}

/// Serves these stores on a transport; what was served comes out of the channel.
pub(crate) fn serve(
    transport: impl Transport + 'static,
    stores: Vec<StoreHandle>,
) -> mpsc::UnboundedReceiver<Served> {
    let (told, served) = mpsc::unbounded_channel();
    let told: Arc<dyn Fn(Served) + Send + Sync> = Arc::new(move |served| {
        told.send(served).ok();
    });
    let lookup = Arc::new(move |id| stores.iter().find(|store| store.id() == id).cloned());
    tokio::spawn(async move {
        while let Some(connection) = transport.accept().await {
            let (lookup, told) = (lookup.clone(), told.clone());
            tokio::spawn(serve_connection(
                connection,
                lookup,
                SyncOptions::default(),
                told,
            ));
        }
    });
    served
}
