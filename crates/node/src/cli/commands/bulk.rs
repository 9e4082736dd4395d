//! `import` and `export`: files on this side, requests to the node on the other.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::{Context, Outcome};
use crate::api::{BatchOp, Item, Request, ScanSpec};
use crate::bytes_json::JsonBytes;
use crate::cli::{ExportArgs, ExportFormat, ImportArgs};
use crate::clock::Stopwatch;
use crate::error::NodeError;
use crate::export::{CsvSink, DirSink, ExportError, JsonSink, Sink};
use crate::import::{self, Checked, Format, ImportError, Options, Row};

/// Operations of one entry: enough that commits and signatures cost nothing beside the rows, few
/// enough that a read, which passes over the operations before its own, stays cheap.
const ENTRY_OPS: usize = 256;
/// Bytes of one entry: well below what an entry may have, so that one more row always fits.
const ENTRY_BYTES: usize = 512 * 1024;

pub(super) async fn import(context: &mut Context<'_>, args: ImportArgs) -> Outcome {
    let watch = Stopwatch::start();
    let options = Options {
        prefix: args.prefix,
        key: args.key,
        subject: args.subject,
    };
    let format = import::detect(&args.input)?;
    let show = context.printer.is_chatty() && io::stderr().is_terminal();
    // A data directory that can't be used is told before a long check, not after.
    context.client().await?.close().await?;
    let total = match format {
        Format::Directory => None,
        _ => std::fs::metadata(&args.input)
            .ok()
            .map(|metadata| metadata.len()),
    };
    let checked = {
        let (input, options, bar) = (
            args.input.clone(),
            options.clone(),
            bar(show, total, "checking"),
        );
        spawn_blocking(move || {
            let checked = import::check(&input, format, &options, |done| bar.set_position(done));
            bar.finish_and_clear();
            checked
        })
        .await??
    };
    let bar = bar(show, Some(checked.rows), "writing");
    let moved = write_rows(context, args.input, format, options, checked, &bar).await;
    bar.finish_and_clear();
    let (rows, entries, bytes) = moved?;
    context.print(&Item::Moved {
        rows,
        entries,
        bytes,
        elapsed_ms: watch.elapsed_ms(),
    })
}

fn bar(show: bool, total: Option<u64>, what: &'static str) -> ProgressBar {
    if !show {
        return ProgressBar::hidden();
    }
    let Some(total) = total else {
        return ProgressBar::new_spinner().with_message(what);
    };
    let style = ProgressStyle::with_template("{msg:8} {wide_bar} {percent:>3} % {eta:>4}");
    let bar = ProgressBar::new(total).with_message(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

async fn write_rows(
    context: &mut Context<'_>,
    input: PathBuf,
    format: Format,
    options: Options,
    checked: Checked,
    bar: &ProgressBar,
) -> Result<(u64, u64, u64), NodeError> {
    // The next entry is read while one is written; no more, so that memory stays flat.
    let (sender, mut entries) = mpsc::channel(2);
    let reading = spawn_blocking(move || read_entries(&input, format, &options, &sender));
    let mut client = context.client().await?;
    let (mut rows, mut count) = (0, 0);
    while let Some(ops) = entries.recv().await {
        let size = ops.len() as u64;
        let store = context.global.store.clone();
        client
            .ask(Request::Write {
                store,
                ops,
                batch: true,
            })
            .await?;
        rows += size;
        count += 1;
        bar.set_position(rows);
    }
    let read = reading.await?;
    client.close().await?;
    read?;
    if rows != checked.rows {
        return Err(ImportError::Changed.into());
    }
    Ok((rows, count, checked.bytes))
}

fn read_entries(
    input: &Path,
    format: Format,
    options: &Options,
    sender: &mpsc::Sender<Vec<BatchOp>>,
) -> Result<(), ImportError> {
    let (mut ops, mut bytes) = (Vec::new(), 0);
    for row in import::rows(input, format, options)? {
        let row = row?;
        bytes += row.key.len() + row.value.len();
        ops.push(operation(row));
        if ops.len() >= ENTRY_OPS || bytes >= ENTRY_BYTES {
            bytes = 0;
            if sender.blocking_send(std::mem::take(&mut ops)).is_err() {
                return Ok(());
            }
        }
    }
    if !ops.is_empty() {
        sender.blocking_send(ops).ok();
    }
    Ok(())
}

fn operation(row: Row) -> BatchOp {
    BatchOp::Put {
        key: row.key.into(),
        value: row.value.into(),
        tags: Vec::new(),
        subject: row.subject.map(Into::into),
    }
}

pub(super) async fn export(context: &mut Context<'_>, args: ExportArgs) -> Outcome {
    let watch = Stopwatch::start();
    let format = args
        .format
        .unwrap_or_else(|| format_of(args.out.as_deref()));
    let request = Request::Scan(ScanSpec {
        store: context.global.store.clone(),
        prefix: JsonBytes::from(args.prefix.clone()),
        ..ScanSpec::default()
    });
    if let Some(out) = args.out.as_deref()
        && out.exists()
    {
        return Err(ExportError::Exists {
            path: out.to_owned(),
        }
        .into());
    }
    let mut client = context.client().await?;
    let moved = match (format, args.out.as_deref()) {
        (ExportFormat::Dir, None) => return Err(ExportError::NoDirectory.into()),
        (ExportFormat::Dir, Some(dir)) => {
            let mut sink = DirSink::new(dir, args.prefix.as_bytes())?;
            drain(&mut client, request, &mut sink).await?
        }
        (format, None) => {
            let mut sink = row_sink(io::stdout().lock(), Path::new("stdout"), format);
            drain(&mut client, request, &mut *sink).await?
        }
        (format, Some(path)) => export_file(&mut client, request, path, format).await?,
    };
    client.close().await?;
    if args.out.is_none() {
        // stdout holds the rows; a summary would be one more of them.
        return Ok(Ok(()));
    }
    let (rows, bytes) = moved;
    context.print(&Item::Moved {
        rows,
        entries: 0,
        bytes,
        elapsed_ms: watch.elapsed_ms(),
    })
}

fn format_of(out: Option<&Path>) -> ExportFormat {
    match out
        .and_then(Path::extension)
        .and_then(|extension| extension.to_str())
    {
        Some("csv") => ExportFormat::Csv,
        Some("json") => ExportFormat::Json,
        _ => ExportFormat::Jsonl,
    }
}

fn row_sink<'a>(out: impl Write + 'a, path: &Path, format: ExportFormat) -> Box<dyn Sink + 'a> {
    let out = BufWriter::new(out);
    match format {
        ExportFormat::Csv => Box::new(CsvSink::new(out, path)),
        format => Box::new(JsonSink::new(out, path, format == ExportFormat::Json)),
    }
}

/// Writes beside the file and moves it there when it is whole.
async fn export_file(
    client: &mut crate::client::Client,
    request: Request,
    path: &Path,
    format: ExportFormat,
) -> Result<(u64, u64), NodeError> {
    let write = |source| ExportError::Write {
        path: path.to_owned(),
        source,
    };
    let parent = path
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(parent).map_err(write)?;
    let moved = {
        let mut sink = row_sink(file.as_file(), path, format);
        drain(client, request, &mut *sink).await?
    };
    file.persist_noclobber(path)
        .map_err(|error| write(error.error))?;
    Ok(moved)
}

async fn drain(
    client: &mut crate::client::Client,
    request: Request,
    sink: &mut dyn Sink,
) -> Result<(u64, u64), NodeError> {
    let (mut rows, mut bytes, mut failed) = (0, 0, None);
    let asked = client.call(request, |item| {
        if let Item::Row { key, value, .. } = item {
            rows += 1;
            bytes += (key.0.len() + value.0.len()) as u64;
            if let Err(error) = sink.row(&key.0, &value.0) {
                failed = Some(error);
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
        Ok(())
    });
    let stopped = asked.await?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    drop(stopped);
    sink.finish()?;
    Ok((rows, bytes))
}
