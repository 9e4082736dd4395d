//! `put`, `delete`, `batch`, `get`, `scan`, `history`, `watch`.

use super::{Context, Outcome};
use crate::api::{BatchOp, JsonHlc, Request, ScanSpec};
use crate::cli::{
    BatchArgs, DeleteArgs, GetArgs, HistoryArgs, PutArgs, ScanArgs, WatchArgs, inputs,
};

pub(super) async fn put(context: &mut Context<'_>, args: PutArgs) -> Outcome {
    let op = BatchOp::Put {
        key: inputs::key(&args.key, args.form)?,
        value: inputs::value(args.value.as_deref(), args.value_file.as_deref())?,
        tags: inputs::tags(&args.labels),
        subject: inputs::subject(&args.labels),
    };
    context.write(vec![op], false).await
}

pub(super) async fn delete(context: &mut Context<'_>, args: DeleteArgs) -> Outcome {
    let op = BatchOp::Delete {
        key: inputs::key(&args.key, args.form)?,
        tags: inputs::tags(&args.labels),
        subject: inputs::subject(&args.labels),
    };
    context.write(vec![op], false).await
}

pub(super) async fn batch(context: &mut Context<'_>, args: BatchArgs) -> Outcome {
    let ops = inputs::batch(&args.file)?;
    context.write(ops, true).await
}

pub(super) async fn get(context: &mut Context<'_>, args: GetArgs) -> Outcome {
    let request = Request::Get {
        store: context.global.store.clone(),
        key: inputs::key(&args.key, args.form)?,
        at: args.at.map(|at| JsonHlc(at.0)),
        heads: args.heads,
    };
    context.relay(request).await
}

pub(super) async fn scan(context: &mut Context<'_>, args: ScanArgs) -> Outcome {
    let key = |text: Option<&String>| text.map(|text| inputs::key(text, args.form)).transpose();
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

pub(super) async fn history(context: &mut Context<'_>, args: HistoryArgs) -> Outcome {
    let key = inputs::key(&args.key, args.form)?;
    let store = context.global.store.clone();
    context.relay(Request::History { store, key }).await
}

pub(super) async fn watch(context: &mut Context<'_>, args: WatchArgs) -> Outcome {
    let prefix = args
        .prefix
        .as_deref()
        .map(|text| inputs::key(text, args.form))
        .transpose()?;
    let request = Request::Watch {
        store: context.global.store.clone(),
        prefix: prefix.unwrap_or_default(),
        from_revision: args.from_revision,
    };
    context.relay_live(request).await
}
