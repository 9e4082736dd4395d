//! The workspace's own commands: `cargo xtask COMMAND`.
//!
//! One file per command; this one only finds the command and the workspace.

mod ci;
mod shell;
mod sources;
mod tidy;
mod trial;
mod vectors;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A command: its name, what `cargo xtask` says about it, and what runs it.
struct Command {
    name: &'static str,
    about: &'static str,
    run: fn(&Path, &[String]) -> anyhow::Result<()>,
}

/// Every command, in the order in which help lists them.
const COMMANDS: &[Command] = &[
    Command {
        name: "tidy",
        about: "the house rules that neither rustc nor clippy can hold",
        run: tidy::run,
    },
    Command {
        name: "vectors",
        about: "write proto/v1/vectors; with --check, compare instead",
        run: vectors::run,
    },
    Command {
        name: "trial",
        about: "trials that take longer than a test may; lists them without a name",
        run: trial::run,
    },
    Command {
        name: "ci",
        about: "everything a change must pass, in the order of cost",
        run: ci::run,
    },
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        print_help();
        return ExitCode::from(2);
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print_help();
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprintln!("error: unknown command `{name}`");
        print_help();
        return ExitCode::from(2);
    };
    let rest: Vec<String> = arguments.collect();
    match (command.run)(&workspace_root(), &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print_help() {
    println!("usage: cargo xtask COMMAND\n");
    for command in COMMANDS {
        println!("  {:<10} {}", command.name, command.about);
    }
}

/// The workspace's root: the folder above this package's manifest.
fn workspace_root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}
