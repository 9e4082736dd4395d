//! Application stores that the mesh has declared.

use std::collections::BTreeMap;

use nocturne_core::{Genesis, Operation, StoreId, StoreKind};

use super::names::Name;
use super::{put, text};

/// A declared store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredStore {
    /// What people call it.
    pub name: String,
    /// How it began.
    pub genesis: Genesis,
}

/// All declared stores by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stores {
    names: BTreeMap<StoreId, String>,
    geneses: BTreeMap<StoreId, Genesis>,
    declared: BTreeMap<StoreId, DeclaredStore>,
}

impl Stores {
    pub(super) fn read(&mut self, root: StoreId, id: StoreId, field: &str, value: &[u8]) {
        match field {
            "name" => {
                if let Some(Ok(name)) = text(value).map(str::parse::<Name>) {
                    self.names.insert(id, name.to_string());
                }
            }
            "genesis" => {
                if let Ok(genesis) = Genesis::decode(value)
                    && genesis.store_id() == id
                    && genesis.mesh == root
                    && genesis.kind == StoreKind::Application
                {
                    self.geneses.insert(id, genesis);
                }
            }
            _ => {}
        }
    }

    pub(super) fn complete(&mut self) {
        let mut names = std::mem::take(&mut self.names);
        self.declared = std::mem::take(&mut self.geneses)
            .into_iter()
            .map(|(id, genesis)| {
                let name = names.remove(&id).unwrap_or_else(|| id.to_string());
                (id, DeclaredStore { name, genesis })
            })
            .collect();
    }

    /// All of them in order of id.
    pub fn iter(&self) -> impl Iterator<Item = (StoreId, &DeclaredStore)> {
        self.declared.iter().map(|(id, store)| (*id, store))
    }

    /// One store.
    pub fn get(&self, id: StoreId) -> Option<&DeclaredStore> {
        self.declared.get(&id)
    }

    /// The store of that name or id. Two members can give the same name while apart: the store
    /// that began first has it then.
    pub fn find(&self, name: &str) -> Option<StoreId> {
        if let Ok(id) = name.parse::<StoreId>() {
            return self.declared.contains_key(&id).then_some(id);
        }
        self.declared
            .iter()
            .filter(|(_, store)| store.name == name)
            .min_by_key(|(id, store)| (store.genesis.created_ms, **id))
            .map(|(id, _)| *id)
    }
}

/// The operations that declare a store.
pub fn declare_store(name: &Name, genesis: &Genesis) -> Vec<Operation> {
    let id = genesis.store_id();
    vec![
        put(format!("/stores/{id}/name"), name.to_string()),
        put(format!("/stores/{id}/genesis"), genesis.encode()),
    ]
}
