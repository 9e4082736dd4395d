//! An error as the outside sees it: code, message, hint, exit code.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a failed command tells the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// 1: it failed.
    Failed,
    /// 2: it was asked wrongly.
    Usage,
    /// 3: what was asked for is not there.
    NotFound,
    /// 4: a condition did not hold.
    Conflict,
    /// 5: not allowed.
    Refused,
    /// 6: a peer or the daemon cannot be reached.
    Unreachable,
    /// 7: data is damaged or a proof invalid.
    Damaged,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NotFound => 3,
            Exit::Conflict => 4,
            Exit::Refused => 5,
            Exit::Unreachable => 6,
            Exit::Damaged => 7,
        }
    }
}

/// An error ready to be shown. Travels over the daemon's socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// A word for scripts.
    pub code: String,
    /// `WHAT: WHY`, one line.
    pub message: String,
    /// What to do about it; may be empty.
    pub hint: String,
    /// Which exit code.
    pub exit: Exit,
}

impl ErrorReport {
    /// The object under `error` in `--json` output.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "code": self.code, "message": self.message, "hint": self.hint })
    }
}

impl fmt::Display for ErrorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", OneLine(&self.message))?;
        if !self.hint.is_empty() {
            write!(f, ". {}", OneLine(&self.hint))?;
        }
        Ok(())
    }
}

/// Text without line breaks and control characters, whatever an operating system or a peer put in.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.trim_end_matches(['.', '\n', ' ']);
        text.chars()
            .try_for_each(|c| fmt::Write::write_char(f, if c.is_control() { ' ' } else { c }))
    }
}
