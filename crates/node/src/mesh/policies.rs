//! Retention policies: kept in the root store as they were written, with the hash they had then.

use std::collections::BTreeMap;

use nocturne_core::{Operation, StoreId};

use super::names::Name;
use super::{put, text};

/// A policy as the root store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    /// The text that was given, TOML or JSON.
    pub text: String,
    /// Hash of its canonical form, as whoever set it computed it.
    pub hash: String,
}

/// All policies by store and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredPolicies {
    texts: BTreeMap<(StoreId, String), String>,
    hashes: BTreeMap<(StoreId, String), String>,
    rows: BTreeMap<(StoreId, String), PolicyRow>,
}

impl StoredPolicies {
    pub(super) fn read(&mut self, store: StoreId, name: &str, field: &str, value: &[u8]) {
        let (Ok(name), Some(value)) = (name.parse::<Name>(), text(value)) else {
            return;
        };
        let fields = match field {
            "text" => &mut self.texts,
            "hash" => &mut self.hashes,
            _ => return,
        };
        fields.insert((store, name.to_string()), value.to_owned());
    }

    pub(super) fn complete(&mut self) {
        let mut hashes = std::mem::take(&mut self.hashes);
        self.rows = std::mem::take(&mut self.texts)
            .into_iter()
            .filter_map(|(at, text)| {
                let hash = hashes.remove(&at)?;
                Some((at, PolicyRow { text, hash }))
            })
            .collect();
    }

    /// A store's policy of that name.
    pub fn get(&self, store: StoreId, name: &str) -> Option<&PolicyRow> {
        self.rows.get(&(store, name.to_owned()))
    }

    /// A store's policies in order of name.
    pub fn of(&self, store: StoreId) -> impl Iterator<Item = (&str, &PolicyRow)> {
        self.rows
            .iter()
            .filter(move |((of, _), _)| *of == store)
            .map(|((_, name), row)| (name.as_str(), row))
    }
}

/// The operations that set a policy.
pub fn set_policy(store: StoreId, name: &Name, row: &PolicyRow) -> Vec<Operation> {
    vec![
        put(format!("/policies/{store}/{name}/text"), row.text.clone()),
        put(format!("/policies/{store}/{name}/hash"), row.hash.clone()),
    ]
}

/// The operations that remove a policy.
pub fn remove_policy(store: StoreId, name: &Name) -> Vec<Operation> {
    ["text", "hash"]
        .map(|field| Operation::delete(format!("/policies/{store}/{name}/{field}")))
        .to_vec()
}
