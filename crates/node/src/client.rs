//! How a command reaches its node: through the running daemon, or by opening the data directory.

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::api::{Item, Request};
use crate::config::Config;
use crate::daemon::DaemonClient;
use crate::data_dir::{DataDirError, Layout};
use crate::error::NodeError;
use crate::execute::execute;
use crate::node::Node;

/// Items between the node and its reader when both are in this process.
const ITEM_QUEUE: usize = 64;

/// A node, wherever it runs.
#[derive(Debug)]
pub enum Client {
    /// The daemon of the data directory.
    Daemon(DaemonClient),
    /// In this process.
    Here(Arc<Node>),
}

impl Client {
    /// The daemon if one answers, else the data directory itself.
    pub async fn open(layout: &Layout, config: Config) -> Result<Self, NodeError> {
        let socket = layout.socket();
        if let Some(daemon) = DaemonClient::connect(&socket).await? {
            return Ok(Self::Daemon(daemon));
        }
        match Node::open(layout.clone(), config).await {
            Ok(node) => Ok(Self::Here(node)),
            // It may have become ready between the two attempts.
            Err(in_use @ NodeError::DataDir(DataDirError::InUse { .. })) => {
                match DaemonClient::connect(&socket).await? {
                    Some(daemon) => Ok(Self::Daemon(daemon)),
                    None => Err(in_use),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Asks, and hands every item to `on_item`. When that fails, nobody wants more: the request is
    /// given up and the failure returned.
    pub async fn call(
        &mut self,
        request: Request,
        mut on_item: impl FnMut(Item) -> io::Result<()>,
    ) -> Result<io::Result<()>, NodeError> {
        match self {
            Self::Daemon(daemon) => Ok(daemon.call(&request, on_item).await??),
            Self::Here(node) => {
                let (sender, mut items) = mpsc::channel(ITEM_QUEUE);
                let node = Arc::clone(node);
                let running = tokio::spawn(async move { execute(&node, request, &sender).await });
                while let Some(item) = items.recv().await {
                    if let Err(error) = on_item(item) {
                        drop(items);
                        running.await??;
                        return Ok(Err(error));
                    }
                }
                running.await??;
                Ok(Ok(()))
            }
        }
    }

    /// Asks for exactly one item.
    pub async fn ask(&mut self, request: Request) -> Result<Option<Item>, NodeError> {
        let mut answer = None;
        let done = self.call(request, |item| {
            answer = Some(item);
            Ok(())
        });
        // The closure above never fails.
        let _: io::Result<()> = done.await?;
        Ok(answer)
    }

    /// Finishes: a node in this process closes its stores.
    pub async fn close(self) -> Result<(), NodeError> {
        match self {
            Self::Daemon(_) => Ok(()),
            Self::Here(node) => node.shutdown().await,
        }
    }
}
