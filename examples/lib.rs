//! Runnable examples of the Nocturne crates: see the files beside this one.
//!
//! - `embed_store`: a durable store in a program of your own.
//! - `sync_two_nodes`: two stores over QUIC on loopback, a conflict, and a stranger at the door.
//! - `own_transport`: the network traits over Unix sockets, checked by the conformance suite.
//! - `forget_and_verify`: a policy, the forgetting, and a proof that anyone can check.
//!
//! `cargo run -p nocturne-examples --example embed_store`

/// Keeps the README's programs compiling and true.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
