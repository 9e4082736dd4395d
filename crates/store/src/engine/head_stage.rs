//! Changes to heads within one transaction: gathered by key, written sorted.

use std::collections::{BTreeMap, BTreeSet};

use nocturne_core::Bytes;
use redb::{ReadableTable, Table};

use crate::error::StorageError;
use crate::tables::HeadRow;

pub(super) type Place = (u32, u64, u16);
/// Up to so many heads and edits are searched one by one; an author who leaves a hundred thousand
/// heads on one key makes that quadratic.
const FEW: usize = 32;
type Heads<'t> = Table<'t, &'static [u8], &'static [u8]>;
type Versions<'t> = Table<'t, (&'static [u8], u64, u32, u64, u16), u8>;

#[derive(Debug, Default)]
struct KeyStage {
    /// The heads as they will be; read from the table when first needed.
    heads: Option<Vec<HeadRow>>,
    /// Not applied to `heads` yet, in order.
    edits: Vec<(Vec<Place>, Option<HeadRow>)>,
    /// To be removed without becoming versions.
    forgotten: BTreeSet<Place>,
    /// Heads that were removed: they become versions.
    superseded: Vec<HeadRow>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct HeadStage {
    keys: BTreeMap<Bytes, KeyStage>,
    /// Parents that were no heads of the key they were named for: superseded before, or on another
    /// key, or without a body.
    orphans: BTreeSet<Place>,
}

impl KeyStage {
    fn settle(
        &mut self,
        key: &[u8],
        table: &Heads<'_>,
        orphans: &mut BTreeSet<Place>,
    ) -> Result<&mut Vec<HeadRow>, StorageError> {
        let mut heads = match self.heads.take() {
            Some(heads) => heads,
            None => match table.get(key)? {
                Some(row) => HeadRow::decode(row.value())?,
                None => Vec::new(),
            },
        };
        if heads.len() + self.edits.len() <= FEW {
            self.edit_few(&mut heads, orphans);
        } else {
            self.edit_many(&mut heads, orphans);
        }
        if !self.forgotten.is_empty() {
            heads.retain(|head| !self.forgotten.contains(&head.place()));
            self.forgotten.clear();
        }
        Ok(self.heads.insert(heads))
    }

    fn edit_few(&mut self, heads: &mut Vec<HeadRow>, orphans: &mut BTreeSet<Place>) {
        for (parents, add) in self.edits.drain(..) {
            for parent in parents {
                match heads.iter().position(|head| head.place() == parent) {
                    Some(index) => self.superseded.push(heads.swap_remove(index)),
                    None => drop(orphans.insert(parent)),
                }
            }
            heads.extend(add);
        }
    }

    fn edit_many(&mut self, heads: &mut Vec<HeadRow>, orphans: &mut BTreeSet<Place>) {
        let mut places: BTreeMap<Place, HeadRow> =
            heads.drain(..).map(|head| (head.place(), head)).collect();
        for (parents, add) in self.edits.drain(..) {
            for parent in parents {
                match places.remove(&parent) {
                    Some(head) => self.superseded.push(head),
                    None => drop(orphans.insert(parent)),
                }
            }
            places.extend(add.map(|head| (head.place(), head)));
        }
        heads.extend(places.into_values());
    }
}

impl HeadStage {
    /// An operation on `key` supersedes `parents` and becomes a head.
    pub(super) fn edit(&mut self, key: Bytes, parents: Vec<Place>, head: HeadRow) {
        let stage = self.keys.entry(key).or_default();
        stage.edits.push((parents, Some(head)));
    }

    /// An operation without a usable body supersedes `parents`, wherever they are.
    pub(super) fn supersede_anywhere(&mut self, parents: impl IntoIterator<Item = Place>) {
        self.orphans.extend(parents);
    }

    /// The heads of a key as they are after everything staged so far.
    pub(super) fn heads(
        &mut self,
        key: &Bytes,
        table: &Heads<'_>,
    ) -> Result<&[HeadRow], StorageError> {
        let stage = self.keys.entry(key.clone()).or_default();
        Ok(stage.settle(key, table, &mut self.orphans)?)
    }

    /// Removes one head of a key, if it is one.
    pub(super) fn supersede(&mut self, key: Bytes, place: Place) {
        let stage = self.keys.entry(key).or_default();
        stage.edits.push((vec![place], None));
    }

    /// Removes one head of a key, if it is one, and leaves no version of it.
    pub(super) fn forget(&mut self, key: Bytes, place: Place) {
        self.keys.entry(key).or_default().forgotten.insert(place);
    }

    /// Applies all edits and returns the parents that are not settled by them.
    pub(super) fn settle_all(
        &mut self,
        table: &Heads<'_>,
    ) -> Result<BTreeSet<Place>, StorageError> {
        for (key, stage) in &mut self.keys {
            stage.settle(key, table, &mut self.orphans)?;
        }
        Ok(std::mem::take(&mut self.orphans))
    }

    /// Writes everything, in order of keys.
    pub(super) fn write(
        self,
        table: &mut Heads<'_>,
        versions: &mut Versions<'_>,
    ) -> Result<(), StorageError> {
        // What is left over was looked up by place already: it is no head of the key it is on.
        let mut left_over = BTreeSet::new();
        for (key, mut stage) in self.keys {
            let heads = &*stage.settle(&key, table, &mut left_over)?;
            if heads.is_empty() {
                table.remove(&key[..])?;
            } else {
                table.insert(&key[..], &HeadRow::encode(heads)[..])?;
            }
            for head in stage.superseded {
                let row = (&key[..], head.hlc.bits(), head.author, head.seq, head.op);
                versions.insert(row, head.kind.number())?;
            }
        }
        Ok(())
    }
}
