//! The store, held to what it promises.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy allows them in test functions only, not in what those call"
)]

mod bitrot;
mod bounds;
mod common;
mod crashes;
mod faults;
mod forgetting;
mod machine;
mod model;
mod reading;
mod recovery;
mod replication;
