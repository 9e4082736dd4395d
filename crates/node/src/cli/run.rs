//! From arguments to an exit code.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::{Cli, Command, Global, commands, usage};
use crate::config::{Config, MAX_CONFIG_BYTES};
use crate::data_dir::{Layout, at};
use crate::error::NodeError;
use crate::output::Printer;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    run(&std::env::args_os().collect::<Vec<_>>())
}

fn run(args: &[OsString]) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage_error(&error, args),
    };
    start_logging(&cli.global, matches!(cli.command, Command::Serve(_)));
    log_panics_of_workers();
    let mut printer = Printer::new(cli.global.json, cli.global.quiet);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return finish(&mut printer, Err(NodeError::Signals(error))),
    };
    let done = runtime.block_on(commands::dispatch(cli, &mut printer));
    let code = finish(&mut printer, done);
    // A blocking read that nobody waits for must not keep the process.
    runtime.shutdown_background();
    code
}

fn finish(printer: &mut Printer, done: Result<io::Result<()>, NodeError>) -> ExitCode {
    let (code, printed) = match done {
        Ok(printed) => (ExitCode::SUCCESS, printed),
        Err(error) => {
            let report = error.report();
            tracing::debug!(?error, "failed");
            (ExitCode::from(report.exit.code()), printer.error(&report))
        }
    };
    match printed.and_then(|()| printer.flush()) {
        Ok(()) => code,
        // The reader of a pipe has seen enough: it was done as asked.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => code,
        Err(error) => {
            writeln!(io::stderr(), "error: cannot print the result: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

fn usage_error(error: &clap::Error, args: &[OsString]) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let shown = error.print();
            let asked = error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
            return match shown {
                Ok(()) if asked => ExitCode::SUCCESS,
                _ => ExitCode::from(2),
            };
        }
        _ => {}
    }
    let json = args.iter().any(|arg| arg == "--json");
    let report = usage::report(error);
    finish(
        &mut Printer::new(json, false),
        Err(NodeError::Reported(report)),
    )
}

/// A daemon logs what goes wrong. A command tells it as its result, in one line, and logs nothing
/// more unless asked.
fn start_logging(global: &Global, serving: bool) {
    const OURS: [&str; 4] = [
        "nocturne_node",
        "nocturne_net",
        "nocturne_store",
        "nocturne_forget",
    ];
    // The network library's warnings are about paths and retries: what matters of them comes back
    // to us as an error.
    let (others, ours) = match (global.quiet, global.verbose, serving) {
        (true, ..) | (false, 0, false) => ("off", "off"),
        (false, 0, true) => ("error", "warn"),
        (false, 1, _) => ("error", "info"),
        (false, 2, _) => ("warn", "debug"),
        (false, ..) => ("debug", "trace"),
    };
    let ours = OURS.map(|target| format!("{target}={ours}"));
    let default = format!("{others},{}", ours.join(","));
    let filter = tracing_subscriber::EnvFilter::try_from_env("NOCTURNE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()));
    // Only fails if a subscriber is set already, in a program that embeds this.
    subscriber.try_init().ok();
}

/// A panic on a worker comes back as an error (the database engine panics on some damaged pages):
/// it belongs into the log, not between the lines of the result.
fn log_panics_of_workers() {
    let shown = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() == Some("main") {
            shown(info);
        } else {
            tracing::error!(%info, "a worker panicked");
        }
    }));
}

/// The data directory that the arguments, the environment or the platform name.
pub(super) fn layout(global: &Global) -> Layout {
    Layout::new(global.data_dir.clone().unwrap_or_else(default_dir))
}

/// `$XDG_DATA_HOME/nocturne`, `~/Library/Application Support/nocturne` on macOS, else
/// `~/.local/share/nocturne`.
fn default_dir() -> PathBuf {
    let dir = |name: &str| {
        std::env::var_os(name)
            .filter(|dir| !dir.is_empty())
            .map(PathBuf::from)
    };
    let home = dir("HOME").unwrap_or_else(|| PathBuf::from("."));
    if cfg!(target_os = "macos") {
        return home.join("Library/Application Support/nocturne");
    }
    dir("XDG_DATA_HOME")
        .unwrap_or_else(|| home.join(".local/share"))
        .join("nocturne")
}

/// The settings: file, then environment.
pub(super) fn config(layout: &Layout) -> Result<Config, NodeError> {
    let path = layout.config();
    let text = match std::fs::metadata(&path) {
        Ok(_) => Some(super::inputs::read_text(&path, MAX_CONFIG_BYTES)?),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            None
        }
        Err(error) => return Err(at(&path)(error).into()),
    };
    Ok(Config::resolve(&path, text.as_deref(), |name| {
        std::env::var(name).ok()
    })?)
}

/// A completion script.
pub(super) fn completions(shell: clap_complete::Shell) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "nocturne", &mut script);
    io::stdout().write_all(&script)
}
