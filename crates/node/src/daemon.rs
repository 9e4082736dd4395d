//! The daemon's socket: requests and replies as JSON lines between processes of one user.

mod client;
mod lines;
mod server;

pub use client::{DaemonClient, DaemonError};
pub use server::{Handler, serve};

/// A line holds at most one entry of 4 MiB, whose bytes JSON may write as six characters each.
const MAX_LINE: usize = 32 * 1024 * 1024;
/// Commands at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 64;

#[cfg(test)]
mod tests;
