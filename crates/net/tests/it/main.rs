//! Integration tests of `nocturne-net`, by behaviour.

mod admission;
mod conformance;
mod gossip;
mod live;
mod nodes;
mod simulation;
mod stores;
mod sync;
