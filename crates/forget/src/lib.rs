//! Retention policies.

pub mod checkpoint;
pub mod cut;
pub mod engine;
pub mod judge;
pub mod policy;
pub mod proof;
pub mod receipt;
pub mod receipt_log;
pub mod target;
pub mod vectors;

mod layout;

pub use vectors::vectors;
