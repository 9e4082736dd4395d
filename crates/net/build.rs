//! Compiles the sync messages without needing `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../../proto/v1/sync.proto");
    println!("cargo:rerun-if-changed=../../proto/v1/entry.proto");
    let files = protox::compile(["v1/sync.proto"], ["../../proto"])?;
    prost_build::Config::new()
        .bytes(["."])
        // Runs are core's messages.
        .extern_path(".nocturne.v1", "::nocturne_core::wire::messages")
        .compile_fds(files)?;
    Ok(())
}
