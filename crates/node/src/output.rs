//! What commands print, from the answers only: the same whether a daemon gave them or not.

mod human;
mod json;

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use crate::api::Item;
use crate::report::ErrorReport;

/// Prints answers on stdout and errors where they belong.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about one terminal"
)]
pub struct Printer {
    out: BufWriter<Stdout>,
    json: bool,
    quiet: bool,
    terminal: bool,
    error_shown: bool,
}

impl Printer {
    /// For one command.
    pub fn new(json: bool, quiet: bool) -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        Self {
            out: BufWriter::with_capacity(64 * 1024, stdout),
            json,
            quiet,
            terminal,
            error_shown: false,
        }
    }

    /// Whether it prints JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether people look at it and want more than results.
    pub fn is_chatty(&self) -> bool {
        !self.json && !self.quiet
    }

    /// Prints one answer.
    pub fn item(&mut self, item: &Item) -> io::Result<()> {
        if self.json {
            if let Some(line) = json::line(item) {
                self.error_shown |= json::carries_error(item);
                self.out.write_all(line.as_bytes())?;
                self.out.write_all(b"\n")?;
            }
            return Ok(());
        }
        let mut page = human::Page {
            out: &mut self.out,
            terminal: self.terminal,
            quiet: self.quiet,
        };
        human::print(&mut page, item)
    }

    /// Hands everything printed so far to the reader: for streams that pause.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Prints a failure: one line on stderr, or one object on stdout.
    pub fn error(&mut self, report: &ErrorReport) -> io::Result<()> {
        if !self.json {
            self.out.flush()?;
            return writeln!(io::stderr(), "error: {report}");
        }
        if !self.error_shown {
            writeln!(
                self.out,
                "{}",
                serde_json::json!({ "error": report.to_json() })
            )?;
        }
        self.out.flush()
    }
}
