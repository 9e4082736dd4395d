//! Files in, a partition, concurrent edits, and the merge.

use std::path::Path;

use super::sources::{Source, gather};
use super::{Mesh, Narrator};
use crate::api::{BatchOp, Request};
use crate::bytes_json::JsonBytes;
use crate::clock::Stopwatch;
use crate::error::NodeError;

/// Rows and bytes of one entry, as `import` cuts them.
const ENTRY_OPS: usize = 256;
const ENTRY_BYTES: usize = 512 * 1024;

const ON_THE_DESK: &str = "edited at the desk while the phone was away";
const ON_THE_PHONE: &str = "edited on the phone, on a train without network";
const MERGED: &str = "both edits read, and merged by hand";

/// Imports files at the desk, lets them travel, and compares them with the disk. Returns the key
/// that the story goes on with.
pub(super) async fn import(
    mesh: &Mesh,
    dir: &Path,
    narrator: &mut Narrator,
) -> Result<String, NodeError> {
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    narrator.act(
        "Real files",
        &format!("The desk imports the files of {}", dir.display()),
    );
    let (sources, left_out) = tokio::task::spawn_blocking(move || gather(&dir)).await??;
    let bytes: usize = sources.iter().map(|source| source.value.len()).sum();
    let watch = Stopwatch::start();
    let (mut ops, mut size) = (Vec::new(), 0);
    for source in &sources {
        if ops.len() >= ENTRY_OPS || (size + source.value.len() > ENTRY_BYTES && !ops.is_empty()) {
            mesh.desk.write(std::mem::take(&mut ops)).await?;
            size = 0;
        }
        size += source.value.len();
        ops.push(BatchOp::Put {
            key: JsonBytes::from(source.key.clone()),
            value: JsonBytes::from(source.value.clone()),
            tags: Vec::new(),
            subject: None,
        });
    }
    mesh.desk.write(ops).await?;
    let imported_ms = watch.elapsed_ms();
    mesh.sync().await?;
    narrator.note(&format!(
        "{} files, {} KiB, signed, sealed and durable in {imported_ms} ms, on all three {} ms later{}.",
        sources.len(),
        bytes / 1024,
        watch.elapsed_ms() - imported_ms,
        match left_out {
            0 => String::new(),
            n => format!(" ({n} left out: too large for a value, or beyond the demo's share)"),
        }
    ));
    narrator.claim("all three have the same entries", mesh.is_equal()?);
    narrator.claim(
        "every file reads back from the phone, byte for byte",
        reads_back(mesh, &sources)?,
    );
    let readme = sources
        .iter()
        .find(|source| source.key == "files/README.md");
    let chosen = readme.or_else(|| sources.first());
    Ok(chosen.map(|source| source.key.clone()).unwrap_or_default())
}

fn reads_back(mesh: &Mesh, sources: &[Source]) -> Result<bool, NodeError> {
    for source in sources {
        if mesh.phone.value(&source.key)?.as_deref() != Some(&source.value[..]) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The phone leaves; both sides edit the same key.
pub(super) async fn partition(
    mesh: &Mesh,
    key: &str,
    narrator: &mut Narrator,
) -> Result<(), NodeError> {
    narrator.act(
        "A partition",
        &format!("The phone loses its network. Both sides edit {key}."),
    );
    mesh.phone.go_offline().await;
    mesh.desk.put(key, ON_THE_DESK).await?;
    mesh.phone.put(key, ON_THE_PHONE).await?;
    mesh.desk.sync(Some(mesh.server.name)).await?;
    let is = |value: Option<Vec<u8>>, text: &str| value.as_deref() == Some(text.as_bytes());
    narrator.claim(
        "desk and server agree on the desk's edit",
        is(mesh.desk.value(key)?, ON_THE_DESK) && is(mesh.server.value(key)?, ON_THE_DESK),
    );
    narrator.claim(
        "the phone goes on working and reads its own edit",
        is(mesh.phone.value(key)?, ON_THE_PHONE),
    );
    narrator.claim("the two sides differ", !mesh.is_equal()?);
    Ok(())
}

/// The phone comes back; the conflict shows everywhere, and the next write heals it.
pub(super) async fn heal(mesh: &Mesh, key: &str, narrator: &mut Narrator) -> Result<(), NodeError> {
    narrator.act("The heal", "The phone comes back.");
    mesh.phone.go_online().await?;
    mesh.sync().await?;
    narrator.claim("all three have the same entries again", mesh.is_equal()?);
    let mut winners = Vec::new();
    let mut both = true;
    for member in mesh.all() {
        let snapshot = member.store()?.snapshot()?;
        let row = snapshot.get(key.as_bytes())?;
        both &= row.as_ref().is_some_and(|row| row.conflict);
        winners.push(row.map(|row| row.at));
        let heads = snapshot.heads(key.as_bytes())?;
        let holds = |text: &str| {
            heads.iter().any(|head| {
                head.content
                    .operation()
                    .is_some_and(|operation| operation.value == text)
            })
        };
        both &= heads.len() == 2 && holds(ON_THE_DESK) && holds(ON_THE_PHONE);
    }
    narrator.claim("the conflict shows on all three, with both edits", both);
    let same = winners.windows(2).all(|pair| pair.first() == pair.last());
    narrator.claim("all three read the same winner", same && winners.len() == 3);
    narrator.note("The next write to the key supersedes both heads.");
    mesh.server.put(key, MERGED).await?;
    mesh.sync().await?;
    let mut healed = true;
    for member in mesh.all() {
        let row = member.store()?.get(key.as_bytes())?;
        healed &= row.is_some_and(|row| !row.conflict && row.value == MERGED);
    }
    narrator.claim("the conflict is gone on all three", healed);
    let history = Request::History {
        store: "main".to_owned(),
        key: JsonBytes::from(key.to_owned()),
    };
    let versions = mesh.phone.ask(history).await?.len();
    narrator.claim(
        "the key's history still has all four versions, the file's own included",
        versions == 4,
    );
    Ok(())
}
