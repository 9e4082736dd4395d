//! After a forget nothing of it is found in any byte of the data directory.

use std::fs;
use std::path::Path;

use nocturne_core::Operation;
use nocturne_forget::receipt::Grade;
use nocturne_forget::target::Target;
use nocturne_store::{Batch, Depth};

use crate::rig::Node;

/// How often each pattern stands in the files below `dir`.
fn residue(dir: &Path, patterns: &[Vec<u8>]) -> Vec<usize> {
    let mut counts = vec![0; patterns.len()];
    let mut todo = vec![dir.to_owned()];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(path).unwrap().map(|item| item.unwrap().path()));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for (count, pattern) in counts.iter_mut().zip(patterns) {
            let windows = bytes.windows(pattern.len());
            *count += windows.filter(|window| window == pattern).count();
        }
    }
    counts
}

#[test]
fn neither_key_nor_value_nor_salt_nor_tag_nor_subject_remains() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = Node::in_directory(dir.path(), 1);
    for number in 0..300 {
        node.put(
            &format!("other/{number:04}"),
            &format!("bystander value {number}"),
        );
    }
    let secret = Operation::put("patient/4711/diagnosis", "the secret value that must go")
        .with_tags(["confidential-tag"])
        .with_subject("subject-alice-4711");
    let first = node.handle.write_blocking(secret.into()).unwrap();
    let second = node
        .handle
        .write_blocking(Batch::new().put("patient/4711/diagnosis", "the second secret value"))
        .unwrap();
    node.handle
        .write_blocking(Batch::new().delete("patient/4711/diagnosis"))
        .unwrap();
    for number in 300..600 {
        node.put(
            &format!("other/{number:04}"),
            &format!("bystander value {number}"),
        );
    }
    let patterns = [
        b"patient/4711/diagnosis".to_vec(),
        b"4711".to_vec(),
        b"secret value".to_vec(),
        b"confidential-tag".to_vec(),
        b"subject-alice".to_vec(),
        node.salt(&first, 0),
        node.salt(&second, 0),
        b"other/0007".to_vec(),
    ];
    // Keys stand in clear in the index before; the search finds what is there.
    let before = residue(dir.path(), &patterns);
    assert!(before[0] > 0 && before[7] > 0, "{before:?}");

    let target = Target::Key("patient/4711/diagnosis".into());
    let outcome = node
        .forgetter
        .forget(&target, None, &mut node.entropy)
        .unwrap();
    assert_eq!(outcome.selected, 3);
    assert_eq!(outcome.grade, Grade::Scrubbed);
    let after = residue(dir.path(), &patterns);
    assert_eq!(after[..7], [0; 7], "while running");
    assert!(after[7] > 0);

    let findings = node.handle.verify_blocking(Depth::Deep).unwrap();
    assert!(findings.findings.is_empty(), "{findings:?}");
    assert_eq!(node.get("other/0007").as_deref(), Some("bystander value 7"));
    node.stop();
    assert_eq!(residue(dir.path(), &patterns)[..7], [0; 7], "stopped");

    let again = Node::in_directory(dir.path(), 1);
    assert_eq!(again.get("patient/4711/diagnosis"), None);
    assert_eq!(
        again.get("other/0599").as_deref(),
        Some("bystander value 599")
    );
    again.stop();
    assert_eq!(residue(dir.path(), &patterns)[..7], [0; 7], "opened again");
}

#[test]
fn a_reader_that_holds_a_snapshot_delays_the_scrub_not_the_erasure() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = Node::in_directory(dir.path(), 1);
    node.put("secret-key-name", "secret value");
    let snapshot = node.handle.snapshot().unwrap();
    let target = Target::Prefix("secret".into());
    let outcome = node
        .forgetter
        .forget(&target, None, &mut node.entropy)
        .unwrap();
    assert_eq!((outcome.selected, outcome.grade), (1, Grade::Punctured));
    assert_eq!(node.get("secret-key-name"), None);
    assert_eq!(snapshot.get(b"secret-key-name").unwrap(), None);
    drop(snapshot);
    // The receipt stays as it was issued; the scrub is made up for.
    assert!(node.forgetter.resume().unwrap().is_empty());
    let found = residue(
        dir.path(),
        &[b"secret-key-name".to_vec(), b"secret value".to_vec()],
    );
    assert_eq!(found, [0, 0]);
    node.stop();
}
