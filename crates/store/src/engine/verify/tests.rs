//! A check finds what was changed behind the store's back, and names it.

use nocturne_core::{Genesis, Identity};
use redb::{ReadableTable, Table, Value, WriteTransaction};

use super::*;
use crate::batch::Batch;
use crate::engine::StoreOptions;
use crate::medium::Medium;
use crate::rim::SeededEntropy;
use crate::tables::{FORGOTTEN, HEADS, LOGS, VERSIONS};

fn store() -> Store {
    let mut options = StoreOptions::system().unwrap();
    options.entropy = Box::new(SeededEntropy::new(1));
    let me = Identity::from_secret_bytes(&[1; 32]);
    let genesis = Genesis::root(me.author(), 5, &mut SeededEntropy::new(2));
    let mut store = Store::create(Medium::memory(), options, &genesis, me).unwrap();
    for value in ["one", "two"] {
        let batch = Batch::new().put("k", value).put(value, "x");
        store.transact(Vec::new(), vec![batch]).unwrap();
    }
    store
}

fn remove_first<K: redb::Key + 'static, V: Value + 'static>(mut table: Table<'_, K, V>) {
    table.pop_first().unwrap().unwrap();
}

/// What is found after a change to the tables.
fn found(depth: Depth, change: impl FnOnce(&WriteTransaction)) -> Vec<Damage> {
    let mut store = store();
    let transaction = store.shared.with_database(redb::Database::begin_write);
    let transaction = transaction.unwrap();
    change(&transaction);
    transaction.commit().unwrap();
    let findings = store.verify(depth).unwrap().findings;
    findings.into_iter().map(|finding| finding.0).collect()
}

#[test]
fn every_table_is_held_against_the_entries() {
    assert_eq!(found(Depth::Deep, |_| {}), []);
    let arrivals = found(Depth::Quick, |all| {
        remove_first(all.open_table(ARRIVALS).unwrap());
    });
    assert_eq!(arrivals, [Damage::Index("arrivals")]);
    let logs = found(Depth::Quick, |all| {
        let mut table = all.open_table(LOGS).unwrap();
        let (author, seq, hash, hlc) = {
            let row = table.get(0).unwrap().unwrap();
            let (author, seq, hash, hlc, _) = row.value();
            (*author, seq, *hash, hlc)
        };
        table.insert(0, (&author, seq, &hash, hlc, false)).unwrap();
    });
    assert_eq!(logs, [Damage::Index("logs")]);
    let heads = found(Depth::Deep, |all| {
        remove_first(all.open_table(HEADS).unwrap());
    });
    assert_eq!(heads, [Damage::Index("heads")]);
    let versions = found(Depth::Deep, |all| {
        remove_first(all.open_table(VERSIONS).unwrap());
    });
    assert_eq!(versions, [Damage::Index("heads")]);
    let forgotten = found(Depth::Deep, |all| {
        let mut table = all.open_table(FORGOTTEN).unwrap();
        table.insert((0, 1, 0), false).unwrap();
    });
    assert_eq!(forgotten, [Damage::Index("bodiless")]);
}
