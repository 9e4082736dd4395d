//! Forgetting end to end, over real stores: one file for each behaviour.

mod crash;
mod evidence;
mod no_resurrection;
mod no_trace;
mod rig;
mod selection;
