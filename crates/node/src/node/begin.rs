//! `init`: a node, a mesh, and its first two stores; again after a crash, to finish.

use nocturne_core::{AuthorId, Genesis, Identity, StoreId};
use nocturne_store::{Batch, SystemEntropy};

use super::open::open_or_create;
use super::system_clock;
use crate::config::Config;
use crate::data_dir::{DataDirError, Layout, Pending, State, create_identity, read_identity};
use crate::error::NodeError;
use crate::mesh::{Access, Member, Name, Role, declare_store};

/// What was begun.
#[derive(Debug, Clone, Copy)]
pub struct Begun {
    /// The root store, which names the mesh.
    pub mesh: StoreId,
    /// The store `main`.
    pub main: StoreId,
    /// The node.
    pub node: AuthorId,
}

/// Makes a new mesh in a data directory. Blocking.
///
/// Everything is decided and written down first, then made, then declared made: whenever it is
/// interrupted, the next `init` finishes exactly this mesh.
pub fn init(layout: &Layout, config: &Config, name: Option<Name>) -> Result<Begun, NodeError> {
    let _lock = layout.create_and_lock()?;
    let mut entropy = SystemEntropy::new()?;
    let existing = layout.read_state()?;
    let identity = match &existing {
        Some(state) => {
            read_identity(&layout.identity(), Some(state.node)).map_err(DataDirError::from)?
        }
        None => create_identity(&layout.identity(), &mut entropy).map_err(DataDirError::from)?,
    };
    let mut state = existing.unwrap_or_else(|| State::new(identity.author()));
    let path = layout.root().to_owned();
    if state.mesh.is_some() {
        return Err(DataDirError::AlreadyInitialised {
            path,
            node: state.node,
        }
        .into());
    }
    let (root, main, name) = match state.pending.take() {
        Some(Pending::Init { root, main, name }) => (root, main, name),
        Some(Pending::Join { root: Some(_), .. }) => {
            return Err(DataDirError::Unfinished {
                path,
                joining: true,
            }
            .into());
        }
        // A join that nobody has accepted yet binds to nothing.
        Some(Pending::Join { root: None, .. }) | None => {
            let now = system_clock().now_ms();
            let root = Genesis::root(identity.author(), now, &mut entropy);
            let main = Genesis::application(identity.author(), now, root.store_id(), &mut entropy);
            (
                root,
                main,
                name.unwrap_or_else(|| default_name(&identity.author())),
            )
        }
    };
    let (root_id, main_id) = (root.store_id(), main.store_id());
    state.pending = Some(Pending::Init {
        root: root.clone(),
        main: main.clone(),
        name: name.clone(),
    });
    layout.write_state(&state)?;
    make_stores(layout, config, &identity, &root, &main, &name)?;
    state.pending = None;
    state.mesh = Some(root_id);
    state.stores.insert(main_id);
    layout.write_state(&state)?;
    Ok(Begun {
        mesh: root_id,
        main: main_id,
        node: identity.author(),
    })
}

fn make_stores(
    layout: &Layout,
    config: &Config,
    identity: &Identity,
    root: &Genesis,
    main: &Genesis,
    name: &Name,
) -> Result<(), NodeError> {
    let me = identity.author();
    let handle = open_or_create(&layout.store(root.store_id()), root, identity, config)?;
    if handle.frontier().is_empty() {
        let member = Member::new(name, Role::Server, Access::Writer, me, root.created_ms);
        let operations = member
            .admit(me)
            .into_iter()
            .chain(declare_store(&Name::main(), main));
        handle.write_blocking(operations.collect::<Batch>())?;
    }
    handle.shutdown_blocking()?;
    open_or_create(&layout.store(main.store_id()), main, identity, config)?.shutdown_blocking()?;
    Ok(())
}

/// The host's name, as far as it makes a name; else the beginning of the node's id.
pub fn default_name(node: &AuthorId) -> Name {
    let from_file = |path: &str| std::fs::read_to_string(path).ok();
    from_file("/proc/sys/kernel/hostname")
        .or_else(|| from_file("/etc/hostname"))
        .or_else(|| std::env::var("HOSTNAME").ok())
        .and_then(|text| Name::lenient(&text))
        .unwrap_or_else(|| Name::of_node(node))
}

/// Makes the root store of a mesh that was joined, and declares the node ready. Blocking; the caller
/// holds the lock.
pub(crate) fn make_joined(
    layout: &Layout,
    config: &Config,
    identity: &Identity,
    root: &Genesis,
    mut state: State,
) -> Result<(), NodeError> {
    open_or_create(&layout.store(root.store_id()), root, identity, config)?.shutdown_blocking()?;
    state.pending = None;
    state.mesh = Some(root.store_id());
    layout.write_state(&state)?;
    Ok(())
}
