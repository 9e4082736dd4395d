//! The command `nocturne`.

use std::process::ExitCode;

fn main() -> ExitCode {
    nocturne_node::cli::main()
}
