//! Sync two nodes over QUIC on loopback: what either wrote alone is on both, and a conflict shows and heals.
//!
//! `cargo run -p nocturne-examples --example sync_two_nodes`

use std::sync::Arc;

use anyhow::{Context, ensure};
use nocturne_core::{AuthorId, Genesis, Identity, StoreId};
use nocturne_net::driver::{Served, SyncOptions, serve_connection, sync_once};
use nocturne_net::iroh::{Decision, IrohNode, IrohTransport, SYNC_ALPN};
use nocturne_net::transport::{CloseReason, Closed, Transport};
use nocturne_store::{Medium, Store, StoreHandle, StoreOptions, SystemEntropy};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut entropy = SystemEntropy::new()?;
    let [alice, bob, mallory] = [(); 3].map(|()| Identity::generate(&mut entropy));
    let genesis = Genesis::root(alice.author(), 1_700_000_000_000, &mut entropy);
    let members = [alice.author(), bob.author()];
    let (store_a, store_b) = (store(&genesis, &alice)?, store(&genesis, &bob)?);

    // Both write while they are apart, and both write the same key.
    store_a.put("from/alice", "hello").await?;
    store_a.put("colour", "green").await?;
    store_b.put("from/bob", "hi").await?;
    store_b.put("colour", "teal").await?;

    // Bob listens, and lets in members only.
    let (node_a, node_b) = (bind(&alice, members).await?, bind(&bob, members).await?);
    let listening = node_b.transport(SYNC_ALPN).context("it speaks sync")?;
    let server = tokio::spawn(serve(listening, store_b.clone()));
    let dialling = node_a.transport(SYNC_ALPN).context("it speaks sync")?;
    let connection = dialling.connect(&node_b.local_addr()).await?;
    let options = SyncOptions::default();
    let report = sync_once(&*connection, &store_a, &options).await?;
    println!(
        "sent {} entries, received {}, in {} and {} bytes",
        report.entries_sent, report.entries_received, report.bytes_sent, report.bytes_received
    );
    ensure!(
        report.entries_sent == 2 && report.entries_received == 2,
        "two each way: {report:?}"
    );
    ensure!(
        store_a.frontier().digest() == store_b.frontier().digest(),
        "both have all entries"
    );

    // The same winner on both sides, and the conflict in the open.
    let (here, there) = (store_a.get(b"colour")?, store_b.get(b"colour")?);
    ensure!(here == there, "equal entries, equal state");
    ensure!(
        here.context("it has a value")?.conflict,
        "nothing concurrent is lost silently"
    );

    // The next write, on either side, supersedes both.
    store_b.put("colour", "turquoise").await?;
    sync_once(&*connection, &store_a, &options).await?;
    let healed = store_a.get(b"colour")?.context("it has a value")?;
    ensure!(
        healed.value == "turquoise" && !healed.conflict,
        "healed: {healed:?}"
    );
    println!("the conflict on `colour` is healed: {:?}", healed.value);

    // A stranger is closed before any stream of its is looked at.
    let stranger = bind(&mallory, members).await?;
    let dialling = stranger.transport(SYNC_ALPN).context("it speaks sync")?;
    let closed = dialling.connect(&node_b.local_addr()).await?.closed().await;
    ensure!(
        closed == Closed::ByPeer(CloseReason::NotMember),
        "turned away: {closed}"
    );
    println!("a stranger is turned away: {closed}");

    drop(connection);
    for node in [node_a, node_b, stranger] {
        node.close(CloseReason::Shutdown).await;
    }
    server.await?;
    Ok(())
}

/// The same store on another node: same genesis, its own identity.
fn store(genesis: &Genesis, me: &Identity) -> anyhow::Result<StoreHandle> {
    let store = Store::create(
        Medium::memory(),
        StoreOptions::system()?,
        genesis,
        me.clone(),
    )?;
    Ok(StoreHandle::spawn(store)?)
}

async fn bind(me: &Identity, members: [AuthorId; 2]) -> anyhow::Result<IrohNode> {
    let admission = move |peer: &AuthorId, _alpn: &[u8]| {
        if members.contains(peer) {
            Decision::Accept
        } else {
            Decision::Reject(CloseReason::NotMember)
        }
    };
    let node = IrohNode::builder(me)
        .listen("127.0.0.1:0".parse()?)
        .protocol(SYNC_ALPN);
    Ok(node.admission(admission).bind().await?)
}

/// Answers whoever got past the handshake, about this one store.
async fn serve(transport: IrohTransport, store: StoreHandle) {
    let lookup = Arc::new(move |id: StoreId| (id == store.id()).then(|| store.clone()));
    let report = Arc::new(|served: Served| println!("served {}", served.peer));
    while let Some(connection) = transport.accept().await {
        serve_connection(
            connection,
            lookup.clone(),
            SyncOptions::default(),
            report.clone(),
        )
        .await;
    }
}

#[test]
fn what_it_claims_holds() -> anyhow::Result<()> {
    main()
}
