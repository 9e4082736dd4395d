//! Wrong usage as one line: clap's errors in the form that every other error has.

use crate::report::{ErrorReport, Exit};

/// Turns clap's message into a report. Help and version are not errors and don't come here.
pub(super) fn report(error: &clap::Error) -> ErrorReport {
    let text = error.render().to_string();
    let mut words = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("Usage:") || line.starts_with("For more information") {
            break;
        }
        if line.is_empty() || line.starts_with("tip:") {
            continue;
        }
        words.push(line);
    }
    let message = words.join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let tip = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("tip: "));
    let usage = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Usage: "));
    ErrorReport {
        code: "usage".to_owned(),
        message: message.to_owned(),
        hint: match (tip, usage) {
            (Some(tip), _) => format!("Tip: {tip}"),
            (None, Some(usage)) => format!("Usage: {usage}"),
            (None, None) => "See `nocturne help`".to_owned(),
        },
        exit: Exit::Usage,
    }
}
