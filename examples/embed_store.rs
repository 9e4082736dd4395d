//! Embed a store: durable writes, atomic batches, reads, history, time travel, and a watch that resumes.
//!
//! `cargo run -p nocturne-examples --example embed_store`

use anyhow::{Context, ensure};
use nocturne_core::{Genesis, Identity, Operation};
use nocturne_store::{
    Batch, Change, Medium, ScanRange, Store, StoreHandle, StoreOptions, WriteError,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut options = StoreOptions::system()?;
    let me = Identity::generate(&mut *options.entropy);
    let genesis = Genesis::root(me.author(), options.clock.now_ms(), &mut *options.entropy);
    let medium = Medium::directory(folder.path())?;
    let store = StoreHandle::spawn(Store::create(medium, options, &genesis, me.clone())?)?;

    // A write is durable when its future is ready. A batch is one entry: all of it or nothing.
    let first = store.put("colour", "green").await?;
    let cart = Operation::put("cart/1", "teapot")
        .with_tags(["sale"])
        .with_subject("ada");
    store
        .write(
            Batch::new()
                .with(cart)
                .put("cart/2", "cups")
                .delete("colour"),
        )
        .await?;
    store.put("colour", "teal").await?;

    let twice = store
        .write(Batch::new().put("cart/3", "a").put("cart/3", "b"))
        .await;
    ensure!(
        matches!(twice, Err(WriteError::DuplicateKey(_))),
        "a batch names each key once"
    );
    ensure!(
        store.get(b"cart/3")?.is_none(),
        "and nothing of a refused batch is there"
    );

    // Reads see one moment and never wait for the writer.
    let snapshot = store.snapshot()?;
    let cart: Vec<_> = snapshot
        .scan(&ScanRange::prefix("cart/"))?
        .collect::<Result<_, _>>()?;
    ensure!(cart.len() == 2, "two rows have the prefix");
    let then = snapshot
        .get_at(b"colour", first.hlc)?
        .context("it had a value then")?;
    ensure!(then.value == "green", "as it was");
    let history = snapshot.history(b"colour")?;
    ensure!(history.len() == 3, "written, deleted, written again");
    println!(
        "colour is {:?}",
        snapshot.get(b"colour")?.context("it has a value")?.value
    );
    for version in &history {
        println!("  {} {:?}", version.hlc, version.content);
    }
    drop(snapshot);

    // A watch starts anywhere in the past and goes on live; `next_revision` is what to remember.
    let mut watch = store.watch("colour", 0);
    let seen = watch.next().await?;
    ensure!(
        matches!(seen.change, Change::Put { ref value, .. } if value == "green"),
        "the first"
    );
    let resume = watch.next_revision();
    store.shutdown().await?;
    // Readers keep the files open too.
    drop((watch, store));

    // Opened again, everything is there, and the watch goes on where it was.
    let medium = Medium::directory(folder.path())?;
    let store = Store::open(
        medium,
        StoreOptions::system()?,
        me,
        Some(genesis.store_id()),
    )?;
    let store = StoreHandle::spawn(store)?;
    let mut watch = store.watch("colour", resume);
    ensure!(
        matches!(watch.next().await?.change, Change::Delete { .. }),
        "the second"
    );
    let last = watch.next().await?;
    ensure!(
        matches!(last.change, Change::Put { ref value, .. } if value == "teal"),
        "the third"
    );
    store.shutdown().await?;
    println!("what was acknowledged is there after a restart");
    Ok(())
}

#[test]
fn what_it_claims_holds() -> anyhow::Result<()> {
    main()
}
