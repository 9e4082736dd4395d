//! What each command does: arguments into a request, answers to the printer.

mod bulk;
mod data;
mod evidence;
mod mesh;

use std::io;

use super::{Cli, Command, Global, run};
use crate::api::{BatchOp, Item, Request};
use crate::client::Client;
use crate::data_dir::{DataDirError, Layout};
use crate::demo::{self, DemoOptions};
use crate::error::NodeError;
use crate::output::Printer;

/// What a command comes to: done (and printed, or not), or an error to report.
pub(super) type Outcome = Result<io::Result<()>, NodeError>;

/// What every command gets.
pub(super) struct Context<'a> {
    pub(super) global: Global,
    pub(super) layout: Layout,
    pub(super) printer: &'a mut Printer,
}

pub(super) async fn dispatch(cli: Cli, printer: &mut Printer) -> Outcome {
    let Cli { global, command } = cli;
    let layout = run::layout(&global);
    let mut context = Context {
        global,
        layout,
        printer,
    };
    match command {
        Command::Completions { shell } => Ok(run::completions(shell)),
        Command::Demo(args) => {
            let options = DemoOptions {
                dir: args.dir,
                keep: args.keep,
                json: context.printer.is_json(),
            };
            let item = demo::run(options).await?;
            let printed = context.print(&item);
            match item {
                Item::Demonstrated {
                    error: Some(error), ..
                } => Err(error.into()),
                _ => printed,
            }
        }
        Command::Init(args) => mesh::init(&mut context, args).await,
        Command::Id => mesh::id(&mut context),
        Command::Serve(args) => mesh::serve(&mut context, args).await,
        Command::Invite(args) => mesh::invite(&mut context, &args).await,
        Command::Join(args) => mesh::join(&mut context, args).await,
        Command::Peer(super::PeerCommand::List) => context.relay(Request::Peers).await,
        Command::Sync(args) => {
            let timeout_ms = millis(args.timeout);
            context
                .relay(Request::Sync {
                    peer: args.peer,
                    timeout_ms,
                })
                .await
        }
        Command::Status => context.relay(Request::Status).await,
        Command::Put(args) => data::put(&mut context, args).await,
        Command::Delete(args) => data::delete(&mut context, args).await,
        Command::Batch(args) => data::batch(&mut context, args).await,
        Command::Get(args) => data::get(&mut context, args).await,
        Command::Scan(args) => data::scan(&mut context, args).await,
        Command::History(args) => data::history(&mut context, args).await,
        Command::Watch(args) => data::watch(&mut context, args).await,
        Command::Import(args) => bulk::import(&mut context, args).await,
        Command::Export(args) => bulk::export(&mut context, args).await,
        Command::Policy(command) => evidence::policy(&mut context, command).await,
        Command::Forget(args) => evidence::forget(&mut context, args).await,
        Command::Receipts(args) => evidence::receipts(&mut context, args).await,
        Command::Proof(super::ProofCommand::Verify { file }) => {
            evidence::proof(&mut context, &file)
        }
        Command::Verify(args) => context.relay(Request::Verify { deep: args.deep }).await,
        Command::Residue(args) => evidence::residue(&mut context, &args).await,
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Context<'_> {
    pub(super) async fn client(&self) -> Result<Client, NodeError> {
        if !self.layout.root().is_dir() {
            return Err(DataDirError::Missing {
                path: self.layout.root().to_owned(),
            }
            .into());
        }
        Client::open(&self.layout, run::config(&self.layout)?).await
    }

    /// Sends a request and prints its answers.
    async fn relay(&mut self, request: Request) -> Outcome {
        let mut client = self.client().await?;
        let printer = &mut *self.printer;
        let done = client.call(request, |item| printer.item(&item)).await;
        let closed = client.close().await;
        let printed = done?;
        closed?;
        Ok(printed)
    }

    /// The same for a stream that pauses: each answer is shown when it comes.
    async fn relay_live(&mut self, request: Request) -> Outcome {
        let mut client = self.client().await?;
        let printer = &mut *self.printer;
        let streaming = client.call(request, |item| {
            printer.item(&item).and_then(|()| printer.flush())
        });
        let done = tokio::select! {
            done = streaming => done,
            _ = tokio::signal::ctrl_c() => return Ok(Ok(())),
        };
        client.close().await?;
        done
    }

    async fn write(&mut self, ops: Vec<BatchOp>, batch: bool) -> Outcome {
        for op in &ops {
            // Checked here as well, so that what is wrong is told before anything is opened.
            let checked = op.clone().into_operation().check();
            checked.map_err(|error| NodeError::Write(error.into()))?;
        }
        let store = self.global.store.clone();
        self.relay(Request::Write { store, ops, batch }).await
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "it stands where an outcome is due"
    )]
    fn print(&mut self, item: &Item) -> Outcome {
        Ok(self.printer.item(item))
    }
}
