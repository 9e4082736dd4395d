//! `policy`, `forget`, `receipts`, `proof verify`, `residue`.

use std::path::Path;

use data_encoding::HEXLOWER;
use nocturne_forget::policy::MAX_TEXT;
use nocturne_forget::proof::{MAX_BUNDLE, verify_bundle};
use tokio::task::spawn_blocking;

use super::{Context, Outcome};
use crate::api::{ForgetWhat, Item, Request};
use crate::bytes_json::JsonBytes;
use crate::cli::inputs::{self, InputError};
use crate::cli::{ForgetArgs, PolicyCommand, ReceiptsArgs, ResidueArgs};
use crate::data_dir::{DataDirError, write_atomically};
use crate::error::NodeError;
use crate::residue::search;

pub(super) async fn policy(context: &mut Context<'_>, command: PolicyCommand) -> Outcome {
    let store = context.global.store.clone();
    let request = match command {
        PolicyCommand::Set { name, file } => {
            let text = inputs::read_text(&file, MAX_TEXT as u64)?;
            Request::PolicySet {
                store,
                name: name.to_string(),
                text,
            }
        }
        PolicyCommand::List => Request::PolicyList { store },
        PolicyCommand::Show { name } => Request::PolicyShow {
            store,
            name: name.to_string(),
        },
        PolicyCommand::Remove { name } => Request::PolicyRemove {
            store,
            name: name.to_string(),
        },
        PolicyCommand::Test { name, dry_run: _ } => Request::PolicyTest {
            store,
            name: name.to_string(),
        },
    };
    context.relay(request).await
}

pub(super) async fn forget(context: &mut Context<'_>, args: ForgetArgs) -> Outcome {
    if !args.local {
        return Err(NodeError::OnlyHere);
    }
    let bytes = |text: &str| inputs::key(text, args.form);
    let what = match (&args.key, &args.prefix, &args.subject, &args.policy) {
        (Some(key), ..) => ForgetWhat::Key(bytes(key)?),
        (_, Some(prefix), ..) => ForgetWhat::Prefix(bytes(prefix)?),
        (_, _, Some(subject), _) => ForgetWhat::Subject(JsonBytes::from(subject.clone())),
        // Exactly one of the four is there: clap sees to it.
        (.., policy) => {
            ForgetWhat::Policy(policy.as_ref().map(ToString::to_string).unwrap_or_default())
        }
    };
    let store = context.global.store.clone();
    context
        .relay(Request::Forget {
            store,
            what,
            dry_run: args.dry_run,
        })
        .await
}

pub(super) async fn receipts(context: &mut Context<'_>, args: ReceiptsArgs) -> Outcome {
    let store = context.global.store.clone();
    let request = Request::Receipts {
        store,
        cut: args.cut,
        export: args.export.is_some(),
    };
    let Some(path) = args.export else {
        return context.relay(request).await;
    };
    let (mut file, mut count) = (Vec::new(), 0);
    let mut client = context.client().await?;
    let asked = client.call(request, |item| {
        if let Item::ProofChunk { hex, receipts } = item {
            count = receipts;
            let piece = HEXLOWER.decode(hex.as_bytes());
            file.extend(piece.map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidData))?);
        }
        Ok(())
    });
    let asked = asked.await;
    client.close().await?;
    let write = |source| InputError::Write {
        path: path.clone(),
        source,
    };
    asked?.map_err(write)?;
    write_atomically(&path, &file).map_err(write)?;
    let (path, bytes) = (path.display().to_string(), file.len() as u64);
    context.print(&Item::ProofWritten {
        path,
        receipts: count,
        bytes,
    })
}

/// Needs no data directory: whoever gets a proof file checks it alone.
pub(super) fn proof(context: &mut Context<'_>, file: &Path) -> Outcome {
    let bytes = inputs::read(file, MAX_BUNDLE as u64 + 1)?;
    match verify_bundle(&bytes) {
        Ok(verdict) => {
            let json = verdict.to_json();
            let list = |name: &str| {
                json.get(name)
                    .and_then(serde_json::Value::as_array)
                    .cloned()
                    .unwrap_or_default()
            };
            let words = (
                verdict.claims.iter().map(ToString::to_string).collect(),
                verdict
                    .not_claimed
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
            );
            context.print(&Item::Proof {
                valid: verdict.valid,
                level: verdict.level,
                claims: list("claims"),
                not_claimed: list("not_claimed"),
                words: Some(words),
                error: None,
            })
        }
        Err(source) => {
            let error = NodeError::Proof {
                path: file.to_owned(),
                source,
            };
            let item = Item::Proof {
                valid: false,
                level: 0,
                claims: Vec::new(),
                not_claimed: Vec::new(),
                words: None,
                error: Some(error.report()),
            };
            match context.printer.item(&item) {
                Ok(()) => Err(error),
                Err(broken) => Ok(Err(broken)),
            }
        }
    }
}

pub(super) async fn residue(context: &mut Context<'_>, args: &ResidueArgs) -> Outcome {
    /// Longer patterns than a value can be found nowhere.
    const LONGEST: u64 = 2 * 1024 * 1024;
    let pattern = match (args.pattern.as_str(), args.hex) {
        ("-", false) => inputs::read(Path::new("-"), LONGEST)?,
        (text, true) => inputs::hex(text)?.to_vec(),
        (text, false) => text.as_bytes().to_vec(),
    };
    if pattern.is_empty() {
        return Err(InputError::EmptyPattern.into());
    }
    let root = context.layout.root().to_owned();
    if !root.is_dir() {
        return Err(DataDirError::Missing { path: root }.into());
    }
    let found = spawn_blocking(move || search(&root, &pattern)).await??;
    context.print(&found)
}
