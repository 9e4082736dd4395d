//! The store, held to what it promises.

mod common;
mod faults;
mod forgetting;
mod reading;
mod recovery;
mod replication;
