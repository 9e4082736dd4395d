//! The demo: every claim holds, on whatever files it is given, and what it leaves can be looked at.

use std::process::Command;

use serde_json::Value;

fn demo(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_nocturne"))
        .arg("demo")
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

#[test]
fn every_claim_holds_and_the_nodes_stay_for_whoever_asks() {
    let files = tempfile::tempdir().unwrap();
    std::fs::create_dir(files.path().join("sub")).unwrap();
    std::fs::write(files.path().join("sub/a.txt"), "a file").unwrap();
    std::fs::write(files.path().join("empty"), "").unwrap();
    std::fs::write(files.path().join("large"), vec![7; 1 << 20]).unwrap();
    std::fs::write(files.path().join("too-large"), vec![7; (1 << 20) + 1]).unwrap();
    let kept = tempfile::tempdir().unwrap();
    let (dir, keep) = (
        files.path().to_str().unwrap(),
        kept.path().to_str().unwrap(),
    );
    let (code, stdout, stderr) = demo(&["--json", "--dir", dir, "--keep", keep]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    let story: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(story["ok"], true);
    assert_eq!(story["held"], story["claims"]);
    assert_eq!(story["acts"].as_array().unwrap().len(), 6);
    for name in ["desk", "server", "phone"] {
        let verify = Command::new(env!("CARGO_BIN_EXE_nocturne"))
            .arg("--data-dir")
            .arg(kept.path().join(name))
            .args(["verify", "--deep"])
            .output()
            .unwrap();
        assert!(verify.status.success(), "{verify:?}");
    }
    // A directory that holds something is not written into.
    let (code, _, stderr) = demo(&["--dir", dir, "--keep", keep]);
    assert_eq!(code, 1);
    assert!(stderr.contains("empty directory"), "{stderr}");
}

#[test]
fn a_tree_without_files_is_refused_in_one_line() {
    let empty = tempfile::tempdir().unwrap();
    let (code, _, stderr) = demo(&["--dir", empty.path().to_str().unwrap()]);
    assert_eq!((code, stderr.lines().count()), (1, 1), "{stderr}");
}
