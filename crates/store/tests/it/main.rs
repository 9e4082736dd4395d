//! The store, held to what it promises.

#![expect(
    clippy::unwrap_used,
    reason = "clippy allows them in test functions only, not in what those call"
)]

mod bitrot;
mod common;
mod crashes;
mod faults;
mod forgetting;
mod machine;
mod reading;
mod recovery;
mod replication;
