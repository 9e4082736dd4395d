//! What each command does: arguments into a request, answers to the printer.

mod bulk;
mod evidence;
mod mesh;

use std::io;

use super::{Cli, Command, Global, inputs, run};
use crate::api::{BatchOp, Item, JsonHlc, Request, ScanSpec};
use crate::bytes_json::JsonBytes;
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
        layout,
        printer,
        global,
    };
    match command {
        Command::Completions { shell } => Ok(run::completions(shell)),
        Command::Demo(args) => {
            let options = DemoOptions {
                dir: args.dir,
                keep: args.keep,
                json: context.printer.is_json(),
            };
            demo::run(options).await.map(Ok)
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
        Command::Put(args) => {
            let op = BatchOp::Put {
                key: inputs::key(&args.key, args.form)?,
                value: inputs::value(args.value.as_deref(), args.value_file.as_deref())?,
                tags: inputs::tags(&args.labels),
                subject: inputs::subject(&args.labels),
            };
            context.write(vec![op], false).await
        }
        Command::Delete(args) => {
            let op = BatchOp::Delete {
                key: inputs::key(&args.key, args.form)?,
                tags: inputs::tags(&args.labels),
                subject: inputs::subject(&args.labels),
            };
            context.write(vec![op], false).await
        }
        Command::Batch(args) => {
            let ops = inputs::batch(&args.file)?;
            context.write(ops, true).await
        }
        Command::Get(args) => {
            let request = Request::Get {
                store: context.global.store.clone(),
                key: inputs::key(&args.key, args.form)?,
                at: args.at.map(|at| JsonHlc(at.0)),
                heads: args.heads,
            };
            context.relay(request).await
        }
        Command::Scan(args) => {
            let key =
                |text: Option<&String>| text.map(|text| inputs::key(text, args.form)).transpose();
            let request = Request::Scan(ScanSpec {
                store: context.global.store.clone(),
                prefix: key(args.prefix.as_ref())?.unwrap_or_default(),
                from: key(args.from.as_ref())?,
                to: key(args.to.as_ref())?,
                reverse: args.reverse,
                limit: args.limit,
                at: args.at.map(|at| JsonHlc(at.0)),
            });
            context.relay(request).await
        }
        Command::History(args) => {
            let key = inputs::key(&args.key, args.form)?;
            let store = context.global.store.clone();
            context.relay(Request::History { store, key }).await
        }
        Command::Watch(args) => {
            let prefix = args
                .prefix
                .as_deref()
                .map(|text| inputs::key(text, args.form))
                .transpose()?;
            let request = Request::Watch {
                store: context.global.store.clone(),
                prefix: prefix.unwrap_or_else(|| JsonBytes::from(String::new())),
                from_revision: args.from_revision,
            };
            context.relay_live(request).await
        }
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

    fn print(&mut self, item: &Item) -> Outcome {
        Ok(self.printer.item(item))
    }
}
