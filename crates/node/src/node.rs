//! A node: one identity, its mesh's root store, the application stores, and the receipts.
//!
//! It opens what lies in a data directory, keeps the view of the mesh current, opens stores as the
//! mesh declares them, and tells every store whose entries count. What it knows of the network is in
//! [`crate::network`].

mod begin;
mod open;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use nocturne_core::{AuthorId, FrontierDigest, Identity, StoreId};
use nocturne_forget::engine::Forgetter;
use nocturne_forget::receipt_log::ReceiptLog;
use nocturne_store::{Batch, Clock, ScanRange, StoreHandle, SystemClock, Written};
use tokio::sync::watch;
use tokio::task::spawn_blocking;

pub(crate) use begin::make_joined;
pub use begin::{Begun, default_name, init};

use crate::config::Config;
use crate::data_dir::{KnownPeer, Layout, Lock, MAX_KNOWN_PEERS, State};
use crate::error::NodeError;
use crate::mesh::{Access, Mesh};
use crate::network::Network;

/// A store that is open, with its engine of forgetting.
#[derive(Debug, Clone)]
pub struct OpenStore {
    /// The store.
    pub handle: StoreHandle,
    /// Forgets in it.
    pub forgetter: Forgetter,
}

/// An open data directory. Shared by everything that runs on it.
pub struct Node {
    pub(crate) layout: Layout,
    pub(crate) identity: Identity,
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) root: StoreHandle,
    pub(crate) receipts: ReceiptLog,
    stores: RwLock<BTreeMap<StoreId, OpenStore>>,
    mesh: watch::Sender<Arc<Mesh>>,
    state: Mutex<State>,
    /// One refresh at a time: two could open a store twice.
    refreshing: tokio::sync::Mutex<()>,
    /// One join at a time: two could use one ticket.
    pub(crate) joining: tokio::sync::Mutex<()>,
    network: RwLock<Option<Arc<Network>>>,
    _lock: Lock,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("id", &self.id())
            .field("mesh", &self.root.id())
            .finish_non_exhaustive()
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Node {
    /// Opens an initialised data directory. It stays locked until the node is dropped.
    pub async fn open(layout: Layout, config: Config) -> Result<Arc<Self>, NodeError> {
        let node = spawn_blocking(move || {
            let lock = layout.lock_existing()?;
            open::open(layout, lock, config)
        });
        let node = Arc::new(node.await??);
        node.refresh().await?;
        Ok(node)
    }

    /// This node's id.
    pub fn id(&self) -> AuthorId {
        self.identity.author()
    }

    /// The mesh, as the root store told it last.
    pub fn mesh(&self) -> Arc<Mesh> {
        self.mesh.borrow().clone()
    }

    /// The mesh, and a way to await that it changes.
    pub fn watch_mesh(&self) -> watch::Receiver<Arc<Mesh>> {
        self.mesh.subscribe()
    }

    /// The network, while the node is on it.
    pub fn network(&self) -> Option<Arc<Network>> {
        self.network
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set_network(&self, network: Option<Arc<Network>>) {
        *self.network.write().unwrap_or_else(PoisonError::into_inner) = network;
    }

    /// A store's id by name or UUID; `root` is the control plane.
    pub fn find_store(&self, name: &str) -> Result<StoreId, NodeError> {
        if name == "root" || name == self.root.id().to_string() {
            return Ok(self.root.id());
        }
        let found = self.mesh().stores.find(name);
        found.ok_or_else(|| NodeError::UnknownStore(name.into()))
    }

    /// A store's name for people.
    pub fn store_name(&self, id: StoreId) -> String {
        if id == self.root.id() {
            return "root".to_owned();
        }
        let mesh = self.mesh();
        mesh.stores
            .get(id)
            .map_or_else(|| id.to_string(), |store| store.name.clone())
    }

    /// A member's name for people; its id if it is not known.
    pub fn peer_name(&self, id: AuthorId) -> String {
        self.mesh()
            .members
            .get(&id)
            .map_or_else(|| id.to_string(), |member| member.name.clone())
    }

    /// A store by id, the root store too.
    pub fn handle(&self, id: StoreId) -> Option<StoreHandle> {
        if id == self.root.id() {
            return Some(self.root.clone());
        }
        let stores = self.stores.read().unwrap_or_else(PoisonError::into_inner);
        stores.get(&id).map(|store| store.handle.clone())
    }

    /// A store by name or UUID, for reading.
    pub fn store(&self, name: &str) -> Result<StoreHandle, NodeError> {
        let id = self.find_store(name)?;
        self.handle(id)
            .ok_or_else(|| NodeError::UnknownStore(name.into()))
    }

    /// An application store by name or UUID, for forgetting.
    pub fn application(&self, name: &str) -> Result<OpenStore, NodeError> {
        let id = self.find_store(name)?;
        if id == self.root.id() {
            return Err(NodeError::RootIsReserved);
        }
        let stores = self.stores.read().unwrap_or_else(PoisonError::into_inner);
        stores
            .get(&id)
            .cloned()
            .ok_or_else(|| NodeError::UnknownStore(name.into()))
    }

    /// All open stores, root first, then by id.
    pub fn handles(&self) -> Vec<StoreHandle> {
        let stores = self.stores.read().unwrap_or_else(PoisonError::into_inner);
        std::iter::once(&self.root)
            .chain(stores.values().map(|store| &store.handle))
            .cloned()
            .collect()
    }

    /// All open application stores.
    pub fn applications(&self) -> Vec<OpenStore> {
        let stores = self.stores.read().unwrap_or_else(PoisonError::into_inner);
        stores.values().cloned().collect()
    }

    /// Refuses where this node's entries would not count.
    pub fn may_write(&self) -> Result<(), NodeError> {
        match self.mesh().members.get(&self.id()) {
            Some(member) if member.access == Access::Reader => Err(NodeError::Reader),
            _ => Ok(()),
        }
    }

    /// Writes to the root store, and takes in what that changes.
    pub async fn write_root(&self, batch: Batch) -> Result<Written, NodeError> {
        self.may_write()?;
        let written = self.root.write(batch).await?;
        self.refresh().await?;
        Ok(written)
    }

    /// Reads the root store again: opens what was declared since, and tells every store whose
    /// entries count.
    pub async fn refresh(&self) -> Result<(), NodeError> {
        let _one = self.refreshing.lock().await;
        loop {
            let root = self.root.clone();
            let (mesh, revision) = spawn_blocking(move || read_mesh(&root)).await??;
            let writers = mesh
                .members
                .writers()
                .chain([self.root.genesis().creator])
                .collect();
            self.root.admit(Some(writers)).await?;
            self.open_declared(&mesh).await?;
            for store in self.applications() {
                // Only the root store's creator is taken on trust: whoever made another store is a
                // member or nobody.
                store
                    .handle
                    .admit(Some(mesh.members.writers().collect()))
                    .await?;
            }
            self.mesh.send_if_modified(|known| {
                let changed = **known != mesh;
                if changed {
                    *known = Arc::new(mesh);
                }
                changed
            });
            // Admitting a writer may have let entries in that say more about the mesh.
            if *self.root.revision().borrow() == revision {
                return Ok(());
            }
        }
    }

    async fn open_declared(&self, mesh: &Mesh) -> Result<(), NodeError> {
        for (id, declared) in mesh.stores.iter() {
            if self.handle(id).is_some() {
                continue;
            }
            let opening = open::Opening::new(self, &declared.genesis);
            let known = guard(&self.state).stores.contains(&id);
            let store = spawn_blocking(move || opening.application(known)).await??;
            if !known {
                self.update_state(|state| state.stores.insert(id)).await?;
            }
            self.stores
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(id, store);
        }
        Ok(())
    }

    /// Keeps the view of the mesh current until the root store closes.
    pub async fn follow_root(&self) {
        let mut revision = self.root.revision();
        while revision.changed().await.is_ok() {
            if let Err(error) = self.refresh().await {
                tracing::error!(%error, "cannot take in a change of the mesh");
            }
        }
    }

    /// What is remembered of a peer: where the mesh says it is, and where it was found before.
    pub fn known_peer(&self, id: AuthorId) -> KnownPeer {
        let mut known = guard(&self.state)
            .peers
            .get(&id)
            .cloned()
            .unwrap_or_default();
        if let Some(announced) = self
            .mesh()
            .members
            .get(&id)
            .and_then(|m| m.address.as_ref())
        {
            let mut direct = announced.direct.clone();
            direct.extend(
                known
                    .direct
                    .iter()
                    .filter(|old| !announced.direct.contains(old)),
            );
            direct.truncate(crate::ticket::MAX_ADDRESSES);
            known.direct = direct;
            known.relay = announced.relay.clone().or(known.relay);
        }
        known
    }

    /// The port that the daemon had last.
    pub(crate) fn last_port(&self) -> Option<u16> {
        guard(&self.state).port
    }

    /// Notes which port the daemon has.
    pub(crate) async fn had_port(&self, port: u16) -> Result<(), NodeError> {
        if self.last_port() == Some(port) {
            return Ok(());
        }
        self.update_state(|state| state.port = Some(port)).await
    }

    /// Notes that a peer is connected now.
    pub(crate) async fn saw_peer(&self, id: AuthorId) -> Result<(), NodeError> {
        let now = self.clock.now_ms();
        self.update_state(|state| {
            if state.peers.len() < MAX_KNOWN_PEERS || state.peers.contains_key(&id) {
                state.peers.entry(id).or_default().last_seen_ms = Some(now);
            }
        })
        .await
    }

    async fn update_state<T>(&self, change: impl FnOnce(&mut State) -> T) -> Result<(), NodeError> {
        let state = {
            let mut state = guard(&self.state);
            change(&mut state);
            state.clone()
        };
        let layout = self.layout.clone();
        spawn_blocking(move || layout.write_state(&state)).await??;
        Ok(())
    }

    /// Digests of all stores' frontiers: equal before and after means that nothing came meanwhile.
    pub(crate) fn digests(&self) -> Vec<(StoreId, FrontierDigest)> {
        self.handles()
            .iter()
            .map(|store| (store.id(), store.frontier().digest()))
            .collect()
    }

    /// Finishes what is queued and closes every store.
    pub async fn shutdown(&self) -> Result<(), NodeError> {
        for handle in self.handles() {
            handle.shutdown().await?;
        }
        Ok(())
    }
}

fn system_clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn read_mesh(root: &StoreHandle) -> Result<(Mesh, u64), NodeError> {
    let snapshot = root.snapshot()?;
    let revision = snapshot.revision()?;
    let rows = snapshot
        .scan(&ScanRange::prefix("/"))?
        .collect::<Result<Vec<_>, _>>()?;
    let mesh = Mesh::from_rows(
        root.id(),
        rows.iter().map(|row| (&row.key[..], &row.value[..])),
    );
    Ok((mesh, revision))
}
