//! `cargo xtask trial NAME [COUNT]`: trials that take longer than a test may.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::shell::cargo;

/// A trial: an integration test that is told to go on for longer.
struct Trial {
    name: &'static str,
    about: &'static str,
    /// How many rounds, unless told otherwise.
    rounds: u64,
    /// The variable that tells the test.
    variable: &'static str,
    test: &'static [&'static str],
}

const TRIALS: &[Trial] = &[Trial {
    name: "kill",
    about: "kill -9 of a daemon under load; every acknowledged write must be there",
    rounds: 50,
    variable: "NOCTURNE_KILL_ROUNDS",
    test: &["-p", "nocturne-node", "--test", "it", "kill::"],
}];

/// Runs one trial.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let Some(name) = arguments.first() else {
        for trial in TRIALS {
            println!("{} [{}]  {}", trial.name, trial.rounds, trial.about);
        }
        return Ok(());
    };
    let Some(trial) = TRIALS.iter().find(|trial| trial.name == name) else {
        bail!("there is no trial `{name}`; `cargo xtask trial` lists them");
    };
    let rounds = match arguments.get(1) {
        Some(text) => text
            .parse()
            .with_context(|| format!("`{text}` is no number of rounds"))?,
        None => trial.rounds,
    };
    let rounds: u64 = rounds;
    let arguments: Vec<&str> = ["test"].iter().chain(trial.test).copied().collect();
    cargo(root, &[(trial.variable, &rounds.to_string())], &arguments)?;
    println!("trial {name}: {rounds} rounds passed");
    Ok(())
}
