//! Opening what lies in a data directory. Blocking.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};

use nocturne_core::{Genesis, Identity, StoreId};
use nocturne_forget::engine::Forgetter;
use nocturne_forget::judge::PolicyJudge;
use nocturne_forget::receipt_log::{LogError, ReceiptLog};
use nocturne_store::{Clock, Ledger, Medium, OpenError, Store, StoreHandle, StoreOptions};
use tokio::sync::watch;

use super::{Node, OpenStore, system_clock};
use crate::config::Config;
use crate::data_dir::{DataDirError, Layout, Lock};
use crate::error::NodeError;
use crate::mesh::Mesh;

/// Opens the root store and the receipts; application stores follow with the first refresh.
pub(super) fn open(layout: Layout, lock: Lock, config: Config) -> Result<Node, NodeError> {
    let (state, identity) = layout.read_ready()?;
    let clock = system_clock();
    let Some(mesh) = state.mesh else {
        return Err(DataDirError::Missing {
            path: layout.root().to_owned(),
        }
        .into());
    };
    let root = open_store(&layout.store(mesh), mesh, &identity, &config)?;
    let receipts = open_receipts(&layout, &identity)?;
    Ok(Node {
        layout,
        identity,
        config,
        clock,
        root,
        receipts,
        stores: RwLock::new(BTreeMap::new()),
        mesh: watch::Sender::new(Arc::new(Mesh::default())),
        state: Mutex::new(state),
        refreshing: tokio::sync::Mutex::new(()),
        joining: tokio::sync::Mutex::new(()),
        network: RwLock::new(None),
        _lock: lock,
    })
}

fn open_receipts(layout: &Layout, identity: &Identity) -> Result<ReceiptLog, NodeError> {
    let path = layout.receipts();
    let log = Ledger::open(&path)
        .map_err(LogError::from)
        .and_then(|ledger| ReceiptLog::open(ledger, identity.clone()));
    log.map_err(|source| NodeError::Receipts { path, source })
}

fn options(config: &Config) -> Result<StoreOptions, NodeError> {
    let mut options = StoreOptions::system()?.with_judge(Arc::new(PolicyJudge));
    options.max_drift = config.max_drift;
    Ok(options)
}

/// Opens a store that must be there.
pub(super) fn open_store(
    dir: &Path,
    id: StoreId,
    identity: &Identity,
    config: &Config,
) -> Result<StoreHandle, NodeError> {
    let failed = |source| NodeError::Open {
        store: id,
        path: dir.to_owned(),
        source,
    };
    if !dir.join(nocturne_store::DATABASE_FILE).exists() {
        return Err(failed(OpenError::Missing));
    }
    let medium = Medium::directory(dir).map_err(|error| failed(error.into()))?;
    let store =
        Store::open(medium, options(config)?, identity.clone(), Some(id)).map_err(failed)?;
    Ok(StoreHandle::spawn(store)?)
}

/// Opens a store, or makes it where none is. What a crash left of an earlier attempt held nothing
/// that anyone was told of: it is cleared away.
pub(super) fn open_or_create(
    dir: &Path,
    genesis: &Genesis,
    identity: &Identity,
    config: &Config,
) -> Result<StoreHandle, NodeError> {
    let id = genesis.store_id();
    match open_store(dir, id, identity, config) {
        Err(NodeError::Open {
            source: OpenError::Missing,
            ..
        }) => {}
        opened => return opened,
    }
    let failed = |source| NodeError::Open {
        store: id,
        path: dir.to_owned(),
        source,
    };
    if dir.exists() {
        std::fs::remove_dir_all(dir).map_err(|error| failed(error.into()))?;
    }
    let medium = Medium::directory(dir).map_err(|error| failed(error.into()))?;
    let store =
        Store::create(medium, options(config)?, genesis, identity.clone()).map_err(failed)?;
    // The directory's own name must survive a crash as well.
    for dir in dir.ancestors().skip(1).take(2) {
        let sync = std::fs::File::open(dir).and_then(|dir| dir.sync_all());
        sync.map_err(|error| failed(error.into()))?;
    }
    Ok(StoreHandle::spawn(store)?)
}

/// All that is needed to open an application store on another thread.
pub(super) struct Opening {
    layout: Layout,
    genesis: Genesis,
    identity: Identity,
    config: Config,
    receipts: ReceiptLog,
    clock: Arc<dyn Clock>,
}

impl Opening {
    pub(super) fn new(node: &Node, genesis: &Genesis) -> Self {
        Self {
            layout: node.layout.clone(),
            genesis: genesis.clone(),
            identity: node.identity.clone(),
            config: node.config.clone(),
            receipts: node.receipts.clone(),
            clock: Arc::clone(&node.clock),
        }
    }

    /// Opens it; a store that was here before must still be here. Receipts that a crash has kept
    /// from being issued are issued now.
    pub(super) fn application(self, known: bool) -> Result<OpenStore, NodeError> {
        let id = self.genesis.store_id();
        let dir = self.layout.store(id);
        let handle = if known {
            open_store(&dir, id, &self.identity, &self.config)?
        } else {
            open_or_create(&dir, &self.genesis, &self.identity, &self.config)?
        };
        let forgetter = Forgetter::new(handle.clone(), self.receipts, self.clock);
        forgetter.resume()?;
        Ok(OpenStore { handle, forgetter })
    }
}
