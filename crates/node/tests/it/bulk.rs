//! Import and export.

use std::fmt::Write as _;
use std::fs;

use crate::harness::Home;

#[test]
fn a_bad_row_stops_the_import_before_the_first_write() {
    let home = Home::init("one");
    let mut csv = String::from("id,name\n");
    for n in 0..5_000 {
        writeln!(csv, "{n},name {n}").unwrap();
    }
    csv.push_str("5000,too,many\n");
    let file = home.file("people.csv", &csv);
    let line = home
        .run(["import", file.to_str().unwrap(), "--key", "id"])
        .fails(1);
    assert!(
        line.contains("line 5002: it has 3 fields, the header has 2"),
        "{line}"
    );
    assert_eq!(home.rows(), "");
    let line = home
        .run(["import", file.to_str().unwrap(), "--key", "email"])
        .fails(1);
    assert!(line.contains("line 1: it has no column `email`"), "{line}");
}

#[test]
fn rows_come_back_as_they_were() {
    let home = Home::init("one");
    let csv = "id,name,note\n1,Ann,\"a, b\"\n2,Bob,\n";
    let file = home.file("people.csv", csv);
    let args = [
        "import",
        file.to_str().unwrap(),
        "--prefix",
        "p/",
        "--key",
        "id",
        "--subject",
        "name",
    ];
    assert_eq!(home.json(args)["rows"], 2);
    assert_eq!(
        home.run(["get", "p/1"]).ok(),
        r#"{"id":"1","name":"Ann","note":"a, b"}"#
    );
    // Importing the same again writes the same again.
    assert_eq!(home.json(args)["rows"], 2);
    assert_eq!(home.rows().lines().count(), 2);
    let out = file.with_file_name("out.csv");
    home.run(["export", "--prefix", "p/", "--out", out.to_str().unwrap()])
        .ok();
    assert_eq!(fs::read_to_string(&out).unwrap(), csv);
    let line = home
        .run(["export", "--out", out.to_str().unwrap()])
        .fails(1);
    assert!(line.contains("exists already"), "{line}");
    let subject = home.json(["forget", "--subject", "Ann", "--local", "--dry-run"]);
    assert_eq!(subject["selected"], 2);
}

#[test]
fn a_directory_comes_back_as_it_was() {
    let home = Home::init("one");
    let source = home.path().with_file_name("notes");
    fs::create_dir_all(source.join("deep/er")).unwrap();
    fs::write(source.join("a.txt"), "alpha").unwrap();
    fs::write(source.join("deep/er/b.bin"), [0, 255, 10]).unwrap();
    home.run(["import", source.to_str().unwrap(), "--prefix", "n/"])
        .ok();
    let copy = home.path().with_file_name("copy");
    home.run([
        "export",
        "--prefix",
        "n/",
        "--format",
        "dir",
        "--out",
        copy.to_str().unwrap(),
    ])
    .ok();
    assert_eq!(fs::read(copy.join("a.txt")).unwrap(), b"alpha");
    assert_eq!(fs::read(copy.join("deep/er/b.bin")).unwrap(), [0, 255, 10]);
    let line = home.run(["export", "--format", "jsonl"]).fails(1);
    assert!(line.contains("is not a JSON object"), "{line}");
}

#[test]
fn many_rows_make_few_entries() {
    let home = Home::init("one");
    let mut csv = String::from("n\n");
    for n in 0..5_000 {
        writeln!(csv, "{n}").unwrap();
    }
    let file = home.file("n.csv", csv);
    let moved = home.json(["import", file.to_str().unwrap()]);
    assert_eq!(
        (moved["rows"].as_u64(), moved["entries"].as_u64()),
        (Some(5_000), Some(20))
    );
    let last = home.run(["scan", "--reverse", "--limit", "1"]).ok();
    assert_eq!(last, "00005000\t{\"n\":\"4999\"}\n");
}
