//! Integration tests of `nocturne-net`, by behaviour.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy allows them in test functions only, not in what those call"
)]

mod admission;
mod conformance;
mod gossip;
mod live;
mod nodes;
mod simulation;
mod stores;
mod sync;
