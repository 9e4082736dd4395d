//! Forgetting end to end, over real stores: one file for each behaviour.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy allows them in test functions only, not in what those call"
)]

mod crash;
mod evidence;
mod no_resurrection;
mod no_trace;
mod rig;
mod selection;
