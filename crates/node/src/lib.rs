//! The Nocturne node: a mesh of stores that sync over QUIC, behind one command line.
//!
//! This is the crate that knows everybody: it opens stores (`nocturne-store`), connects them
//! (`nocturne-net`), forgets with evidence (`nocturne-forget`), and decides who belongs to the mesh.
//! The binary `nocturne` is a thin shell around [`cli::main`].
//!
//! It is not needed to embed a store, to sync two stores, or to check a proof: the crates below do
//! that without it.

pub mod api;
pub mod bytes_json;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod data_dir;
pub mod demo;
pub mod error;
pub mod execute;
pub mod export;
pub mod import;
pub mod join;
pub mod joining;
pub mod mesh;
pub mod network;
pub mod node;
pub mod output;
pub mod report;
pub mod residue;
pub mod serve;
pub mod ticket;
pub mod time;
