//! `state.json`: what only this node knows. Its mesh, how to find its peers, when it saw them last.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use nocturne_core::{AuthorId, Genesis, StoreId};
use nocturne_net::transport::PeerAddr;
use serde::{Deserialize, Serialize};

use crate::mesh::Name;

const VERSION: u32 = 1;
/// Peers whose addresses are remembered; a mesh is far smaller, so only rubbish is ever dropped.
pub const MAX_KNOWN_PEERS: usize = 4_096;

/// Why the state file can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It does not parse.
    #[error("{} is damaged at line {line}", path.display())]
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// The first line that does not parse.
        line: usize,
    },
    /// A newer program wrote it.
    #[error("{} has version {version}, this program reads version {VERSION}", path.display())]
    Newer {
        /// Where it is.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

/// The contents of `state.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The node whose key must lie beside it.
    pub node: AuthorId,
    /// The mesh's root store, once there is one.
    pub mesh: Option<StoreId>,
    /// What an `init` or `join` had decided when it was interrupted, so that the next one can
    /// finish it.
    pub pending: Option<Pending>,
    /// Stores that lie here: one of these that is missing is lost, not new.
    pub stores: BTreeSet<StoreId>,
    /// The port that the daemon had last, so that a free one stays the same: peers find it again.
    pub port: Option<u16>,
    /// Peers by id.
    pub peers: BTreeMap<AuthorId, KnownPeer>,
}

/// An unfinished beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pending {
    /// A new mesh: the genesis records of its stores and the node's name.
    Init {
        /// Of the root store.
        root: Genesis,
        /// Of the store `main`.
        main: Genesis,
        /// The node's name.
        name: Name,
    },
    /// A mesh that was joined: the inviter may have committed us already.
    Join {
        /// The mesh's root store.
        mesh: StoreId,
        /// Its genesis record, once the inviter has handed it over.
        root: Option<Genesis>,
    },
}

impl Pending {
    /// Whether it is a `join` (else an `init`).
    pub fn is_join(&self) -> bool {
        matches!(self, Pending::Join { .. })
    }
}

/// What is remembered of a peer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownPeer {
    /// Where it was reachable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub direct: Vec<SocketAddr>,
    /// Its relay's URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
    /// Unix milliseconds of the last moment it was connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_ms: Option<u64>,
}

impl KnownPeer {
    /// As the transport wants it.
    pub fn address(&self, id: AuthorId) -> PeerAddr {
        PeerAddr {
            id,
            direct: self.direct.clone(),
            relay: self.relay.clone(),
        }
    }

    /// Takes over where a peer says it is, if it says anything.
    pub fn learn(&mut self, address: &PeerAddr) {
        if address.direct.is_empty() && address.relay.is_none() {
            return;
        }
        self.direct.clone_from(&address.direct);
        self.relay.clone_from(&address.relay);
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    version: u32,
    node: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mesh: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<PendingForm>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stores: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    peers: BTreeMap<String, KnownPeer>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "lowercase")]
enum PendingForm {
    Init {
        root: String,
        main: String,
        name: String,
    },
    Join {
        mesh: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        root: Option<String>,
    },
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

impl State {
    /// The state of a node that has a key and nothing else.
    pub fn new(node: AuthorId) -> Self {
        Self {
            node,
            mesh: None,
            pending: None,
            stores: BTreeSet::new(),
            port: None,
            peers: BTreeMap::new(),
        }
    }

    /// Reads the file's bytes; `path` is for the error.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, StateError> {
        let damaged = |line| StateError::Damaged {
            path: path.to_owned(),
            line,
        };
        let VersionOnly { version } =
            serde_json::from_slice(bytes).map_err(|error| damaged(error.line()))?;
        if version != VERSION {
            return Err(StateError::Newer {
                path: path.to_owned(),
                version,
            });
        }
        let form: Form = serde_json::from_slice(bytes).map_err(|error| damaged(error.line()))?;
        Self::from_form(form).ok_or_else(|| damaged(1))
    }

    fn from_form(form: Form) -> Option<Self> {
        let mesh = form.mesh.map(|text| text.parse().ok());
        let pending = match form.pending {
            None => None,
            Some(PendingForm::Init { root, main, name }) => Some(Pending::Init {
                root: genesis(&root)?,
                main: genesis(&main)?,
                name: name.parse().ok()?,
            }),
            Some(PendingForm::Join { mesh, root }) => Some(Pending::Join {
                mesh: mesh.parse().ok()?,
                root: match root {
                    None => None,
                    Some(root) => Some(genesis(&root)?),
                },
            }),
        };
        let peers = form
            .peers
            .into_iter()
            .map(|(id, peer)| Some((id.parse().ok()?, peer)))
            .collect::<Option<BTreeMap<_, _>>>()?;
        let stores = form
            .stores
            .iter()
            .map(|id| id.parse().ok())
            .collect::<Option<_>>()?;
        let mesh = match mesh {
            None => None,
            Some(parsed) => Some(parsed?),
        };
        Some(Self {
            node: form.node.parse().ok()?,
            mesh,
            pending,
            stores,
            port: form.port,
            peers,
        })
    }

    /// The file's bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let form = Form {
            version: VERSION,
            node: self.node.to_string(),
            mesh: self.mesh.map(|id| id.to_string()),
            pending: self.pending.as_ref().map(|pending| match pending {
                Pending::Init { root, main, name } => PendingForm::Init {
                    root: hex(root),
                    main: hex(main),
                    name: name.to_string(),
                },
                Pending::Join { mesh, root } => PendingForm::Join {
                    mesh: mesh.to_string(),
                    root: root.as_ref().map(hex),
                },
            }),
            stores: self.stores.iter().map(ToString::to_string).collect(),
            port: self.port,
            peers: self
                .peers
                .iter()
                .take(MAX_KNOWN_PEERS)
                .map(|(id, peer)| (id.to_string(), peer.clone()))
                .collect(),
        };
        // Strings, numbers and maps with string keys always serialise.
        let mut json = serde_json::to_vec_pretty(&form).unwrap_or_default();
        json.push(b'\n');
        json
    }
}

fn hex(genesis: &Genesis) -> String {
    HEXLOWER.encode(&genesis.encode())
}

fn genesis(text: &str) -> Option<Genesis> {
    Genesis::decode(&HEXLOWER.decode(text.as_bytes()).ok()?).ok()
}
