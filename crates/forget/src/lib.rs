//! Retention policies.

pub mod checkpoint;
pub mod cut;
pub mod policy;
pub mod proof;
pub mod receipt;
pub mod vectors;

mod layout;

pub use vectors::vectors;
