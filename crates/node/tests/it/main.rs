//! The real program against real data directories: what scripts and people see.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that finds something else than it expects must fail at that place"
)]

mod bad_input;
mod bulk;
mod convergence;
mod daemon_parity;
mod demo;
mod forgetting;
mod harness;
mod joining;
mod kill;
mod strangers;
