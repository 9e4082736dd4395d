//! The real program against real data directories: what scripts and people see.

mod bad_input;
mod bulk;
mod convergence;
mod daemon_parity;
mod forgetting;
mod harness;
mod joining;
mod kill;
mod strangers;
