//! `serve`: the daemon, from its lock to its last answer.

use std::sync::Arc;

use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::api::Item;
use crate::config::Config;
use crate::daemon;
use crate::data_dir::{Layout, bind_socket};
use crate::error::NodeError;
use crate::execute::NodeHandler;
use crate::network::{Network, NetworkOptions};
use crate::node::Node;

/// Runs until SIGTERM or SIGINT. `ready` is told once, when commands are answered and peers let in.
pub async fn serve(
    layout: Layout,
    config: Config,
    options: NetworkOptions,
    ready: impl FnOnce(Item) -> std::io::Result<()>,
) -> Result<(), NodeError> {
    // Before anything else: a signal that comes while it starts stops it in good order, too.
    let mut terminate = signal(SignalKind::terminate()).map_err(NodeError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(NodeError::Signals)?;
    let node = Node::open(layout.clone(), config).await?;
    let follower = tokio::spawn({
        let node = Arc::clone(&node);
        async move { node.follow_root().await }
    });
    let network = Network::start(&node, options).await?;
    let socket = layout.socket();
    let failed = |source| NodeError::Socket {
        path: layout.socket(),
        source,
    };
    let listener = bind_socket(&socket).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let listener = UnixListener::from_std(listener).map_err(failed)?;
    let (stop, stopped) = watch::channel(false);
    let handler = Arc::new(NodeHandler(Arc::clone(&node)));
    let answering = tokio::spawn(daemon::serve(listener, handler, stopped));
    let item = Item::Ready {
        event: "ready".to_owned(),
        node: node.id().to_string(),
        listen: network
            .local_addr()
            .direct
            .iter()
            .map(ToString::to_string)
            .collect(),
        http: None,
    };
    if let Err(error) = ready(item) {
        // Whoever started it doesn't read what it says; that is no reason not to serve.
        tracing::debug!(%error, "nobody reads the ready line");
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    // No new commands can find it; those that run finish, then the network, then the stores.
    std::fs::remove_file(&socket).ok();
    stop.send_replace(true);
    answering.await?;
    network.stop(&node).await;
    follower.abort();
    node.shutdown().await
}
