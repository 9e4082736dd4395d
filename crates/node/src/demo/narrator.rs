//! Tells the story, and keeps count of its claims.

use std::io::{self, IsTerminal, Write};

use serde_json::{Value, json};

use crate::api::Item;
use crate::report::{ErrorReport, Exit};

/// Prints as it goes, or gathers one JSON document.
#[derive(Debug)]
pub(super) struct Narrator {
    json: bool,
    colour: bool,
    act: usize,
    acts: Vec<Value>,
    held: usize,
    broken: Vec<String>,
}

impl Narrator {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            colour: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
            act: 0,
            acts: Vec::new(),
            held: 0,
            broken: Vec::new(),
        }
    }

    /// A line for people. That nobody reads it is no reason to stop checking.
    fn line(&self, text: &str) {
        if !self.json {
            let mut out = io::stdout().lock();
            writeln!(out, "{text}").and_then(|()| out.flush()).ok();
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    pub(super) fn title(&self, text: &str) {
        self.line(&self.paint("1", text));
    }

    /// A new chapter.
    pub(super) fn act(&mut self, title: &str, text: &str) {
        self.act += 1;
        self.line("");
        self.line(&self.paint("1;36", &format!("{}. {title}", self.act)));
        self.line(&format!("   {text}"));
        self.acts
            .push(json!({ "act": title, "claims": [], "notes": [] }));
    }

    fn push(&mut self, list: &str, value: Value) {
        let list = self.acts.last_mut().and_then(|act| act.get_mut(list));
        if let Some(Value::Array(list)) = list {
            list.push(value);
        }
    }

    /// Something to know that claims nothing.
    pub(super) fn note(&mut self, text: &str) {
        self.line(&format!("   {text}"));
        self.push("notes", json!(text));
    }

    /// A claim, and whether it was found to hold.
    pub(super) fn claim(&mut self, text: &str, holds: bool) {
        let mark = if holds {
            self.paint("32", "✓")
        } else {
            self.paint("1;31", "✗ NOT TRUE:")
        };
        self.line(&format!("   {mark} {text}"));
        self.push("claims", json!({ "claim": text, "holds": holds }));
        if holds {
            self.held += 1;
        } else {
            self.broken.push(text.to_owned());
        }
    }

    /// The end: what was found, with an error in it if a claim did not hold.
    pub(super) fn finish(self, elapsed_ms: u64) -> Item {
        let error = self.broken.first().map(|first| ErrorReport {
            code: "demo-claim".to_owned(),
            message: format!(
                "{} claim(s) do not hold, the first: {first}",
                self.broken.len()
            ),
            hint: "Run it again with --keep DIR and look at the data directories".to_owned(),
            exit: Exit::Failed,
        });
        if error.is_none() {
            let (claims, seconds) = (self.held, elapsed_ms / 1_000);
            let tenth = elapsed_ms % 1_000 / 100;
            let end = format!("All {claims} claims hold. It took {seconds}.{tenth} seconds.");
            self.line("");
            self.line(&self.paint("1;32", &end));
        }
        Item::Demonstrated {
            ok: error.is_none(),
            claims: self.held + self.broken.len(),
            held: self.held,
            elapsed_ms,
            acts: self.acts,
            error,
        }
    }
}
