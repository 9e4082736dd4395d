//! What each format yields, and how each kind of bad row is named.

use std::fs;

use super::*;

fn with_file<T>(name: &str, content: impl AsRef<[u8]>, f: impl FnOnce(&Path) -> T) -> T {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, content).unwrap();
    f(&path)
}

fn options(prefix: &str, key: Option<&str>) -> Options {
    Options {
        prefix: prefix.to_owned(),
        key: key.map(str::to_owned),
        subject: None,
    }
}

fn import(
    name: &str,
    content: impl AsRef<[u8]>,
    options: &Options,
) -> Result<Vec<(String, String)>, String> {
    with_file(name, content, |path| {
        let format = detect(path).unwrap();
        let checked = check(path, format, options, |_| {}).map_err(|error| error.to_string())?;
        let rows: Vec<_> = rows(path, format, options)
            .unwrap()
            .map(|row| row.unwrap())
            .map(|row| {
                (
                    String::from_utf8(row.key.to_vec()).unwrap(),
                    String::from_utf8(row.value.to_vec()).unwrap(),
                )
            })
            .collect();
        assert_eq!(checked.rows, rows.len() as u64);
        Ok(rows)
    })
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

#[test]
fn a_csv_row_becomes_an_object_in_the_order_of_its_columns() {
    let csv = "z,a\n1,\"x, \"\"y\"\"\"\r\n2,\"two\nlines\"\n";
    let expected = [
        ("p/00000001", r#"{"z":"1","a":"x, \"y\""}"#),
        ("p/00000002", r#"{"z":"2","a":"two\nlines"}"#),
    ];
    assert_eq!(
        import("x.csv", csv, &options("p/", None)).unwrap(),
        pairs(&expected)
    );
    let by_column = import("x.csv", csv, &options("", Some("z"))).unwrap();
    assert_eq!(
        by_column
            .iter()
            .map(|(key, _)| key.as_str())
            .collect::<Vec<_>>(),
        ["1", "2"]
    );
}

#[test]
fn json_keeps_numbers_and_order_and_loses_only_space() {
    let rows = [
        r#"{"b":1.50,"a":[1,2]}"#,
        r#"{"b":12345678901234567890123,"a":"x  y\" "}"#,
    ];
    let expected = pairs(&[("00000001", rows[0]), ("00000002", rows[1])]);
    let array = "[ {\"b\": 1.50, \"a\": [1, 2]},\n  {\"b\":12345678901234567890123,\n \"a\": \"x  y\\\" \"} ]\n";
    assert_eq!(
        import("x.json", array, &options("", None)).unwrap(),
        expected
    );
    let lines = format!("{}\n\n  {}  ", rows[0], rows[1]);
    assert_eq!(
        import("x.jsonl", lines, &options("", None)).unwrap(),
        expected
    );
    assert_eq!(import("x.json", "[]", &options("", None)).unwrap(), []);
}

#[test]
fn a_directory_gives_its_files_by_path() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    fs::write(dir.path().join("sub/b"), "two").unwrap();
    fs::write(dir.path().join("a"), "one").unwrap();
    fs::write(dir.path().join("empty"), "").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
    assert_eq!(detect(dir.path()).unwrap(), Format::Directory);
    let options = options("docs/", None);
    let keys: Vec<_> = rows(dir.path(), Format::Directory, &options)
        .unwrap()
        .map(|row| row.unwrap())
        .map(|row| (row.key, row.value))
        .collect();
    let expected = [("docs/a", "one"), ("docs/empty", ""), ("docs/sub/b", "two")];
    assert_eq!(
        keys,
        expected.map(|(k, v)| (Bytes::from(k), Bytes::from(v)))
    );
    assert_eq!(
        check(dir.path(), Format::Directory, &options, |_| {})
            .unwrap()
            .rows,
        3
    );
    fs::write(dir.path().join("big"), vec![0; 1024 * 1024 + 1]).unwrap();
    let error = check(dir.path(), Format::Directory, &options, |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("big") && error.contains("1048576"),
        "{error}"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of bad rows")]
fn a_bad_row_is_named_by_line() {
    let none = options("", None);
    let by_id = options("", Some("id"));
    let long_key = format!("id\n{}\n", "k".repeat(4_097));
    let long_value = format!("id\n1\n{}\n", "v".repeat(1024 * 1024));
    let cases: &[(&str, &[u8], &Options, &str)] = &[
        (
            "x.csv",
            b"a,b\n1,2\n3\n",
            &none,
            "line 3: it has 1 fields, the header has 2",
        ),
        (
            "x.csv",
            b"a,b\n1,2\n\xff,3\n",
            &none,
            "line 3: it is not valid UTF-8",
        ),
        (
            "x.csv",
            b"a,a\n1,2\n",
            &none,
            "line 1: the column `a` stands twice in it",
        ),
        (
            "x.csv",
            b"a,b\n1,2\n",
            &by_id,
            "line 1: it has no column `id`",
        ),
        (
            "x.csv",
            b"id,b\n1,2\n7,7\n1,3\n",
            &by_id,
            "line 4: its key stands on line 2 too",
        ),
        (
            "x.csv",
            b"id,b\n1,2\n,3\n",
            &by_id,
            "line 3: the key is empty",
        ),
        (
            "x.csv",
            long_key.as_bytes(),
            &by_id,
            "line 2: the key has 4097 bytes; at most 4096 are allowed",
        ),
        (
            "x.csv",
            long_value.as_bytes(),
            &none,
            "line 3: the value has 1048585 bytes; at most 1048576 are allowed",
        ),
        (
            "x.jsonl",
            b"{}\n{\"a\":}\n",
            &none,
            "line 2: it is not valid JSON (expected value)",
        ),
        (
            "x.jsonl",
            b"{}\n{} {}\n",
            &none,
            "line 2: it is not valid JSON (trailing characters)",
        ),
        (
            "x.jsonl",
            b"{}\n\n[1]\n",
            &none,
            "line 3: it is not a JSON object",
        ),
        (
            "x.jsonl",
            b"{\"id\":1}\n{\"id\":[]}\n",
            &by_id,
            "line 2: column `id` holds neither text nor an integer",
        ),
        (
            "x.jsonl",
            b"{\"id\":1}\n{}\n",
            &by_id,
            "line 2: it has no column `id`",
        ),
        (
            "x.jsonl",
            b"{\"id\":\"1\"}\n{\"id\":1}\n",
            &by_id,
            "line 2: its key stands on line 1 too",
        ),
        (
            "x.jsonl",
            b"{\"a\":1,\"a\":2}\n",
            &none,
            "line 1: it is not valid JSON (field `a` stands twice)",
        ),
        (
            "x.json",
            b"[{},\n{}\n",
            &none,
            "line 3: the array is not closed or something follows it",
        ),
        (
            "x.json",
            b"[{}]\nx",
            &none,
            "line 2: the array is not closed or something follows it",
        ),
        (
            "x.json",
            b"[{}\n{}]",
            &none,
            "line 1: it is not valid JSON (trailing characters)",
        ),
        (
            "x.json",
            b"[{\"a\":tr ue}]",
            &none,
            "line 1: it is not valid JSON (expected ident)",
        ),
    ];
    for (name, content, options, expected) in cases {
        assert_eq!(import(name, content, options), Err((*expected).to_owned()));
    }
}

#[test]
fn an_unclosed_quote_does_not_swallow_the_file() {
    let mut csv = b"a,b\n1,\"2\n".to_vec();
    csv.resize(20 * 1024 * 1024, b'x');
    let error = import("x.csv", csv, &options("", None)).unwrap_err();
    assert_eq!(error, "line 2: it is longer than 8388608 bytes");
}
