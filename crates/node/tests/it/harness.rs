//! Runs the binary, and daemons of it, against temporary data directories.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

/// What a command did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// It must have succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }

    /// It must have succeeded with one JSON document.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// It must have failed with this code and one line on stderr; returns the line.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        self.stderr
    }
}

/// A data directory.
pub(crate) struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    /// An empty place in which a data directory can be made.
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// With a new mesh.
    pub(crate) fn init(name: &str) -> Self {
        let home = Self::new();
        home.run(["init", "--name", name]).ok();
        home
    }

    /// The data directory.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A file beside the data directory.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The only database file of the store `main`.
    pub(crate) fn main_store(&self) -> PathBuf {
        let id = self.json(["status"])["stores"][1]["store"]
            .as_str()
            .unwrap()
            .to_owned();
        self.path().join("stores").join(id)
    }

    fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nocturne"));
        command.env_clear();
        command.env("NOCTURNE_DATA_DIR", self.path());
        command.env("NOCTURNE_LISTEN", "127.0.0.1:0");
        command.env("NOCTURNE_RELAY", "off");
        command.env("NOCTURNE_DISCOVERY", "false");
        command.env("NOCTURNE_SYNC_INTERVAL", "1s");
        command.args(args);
        command
    }

    /// Runs a command.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        self.run_with(args, b"")
    }

    /// Runs a command with something on stdin.
    pub(crate) fn run_with<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        stdin: &[u8],
    ) -> Ran {
        let mut command = self.command(args);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let stdin = stdin.to_vec();
        // A command that refuses its arguments doesn't read what it is given.
        let feeding = std::thread::spawn(move || drop(input.write_all(&stdin)));
        let output = child.wait_with_output().unwrap();
        feeding.join().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command with `--json`; it must succeed with one document.
    #[track_caller]
    pub(crate) fn json<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Value {
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
        self.run(args.chain(["--json".into()])).json()
    }

    /// Starts a stream; its lines can be read.
    pub(crate) fn stream<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Running {
        let mut command = self.command(args);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        Running::new(command.spawn().unwrap())
    }

    /// Starts a daemon and waits until it is ready.
    pub(crate) fn serve(&self) -> Running {
        let mut running = self.stream(["serve", "--json"]);
        let ready: Value = serde_json::from_str(&running.line()).unwrap();
        assert_eq!(ready["event"], "ready");
        running
    }

    /// Joins the mesh of a node whose daemon runs.
    pub(crate) fn join(inviter: &Home, name: &str) -> Self {
        let home = Self::new();
        let ticket = inviter.ticket();
        home.run(["join", &ticket, "--name", name]).ok();
        home
    }

    /// A new ticket.
    pub(crate) fn ticket(&self) -> String {
        self.json(["invite"])["ticket"].as_str().unwrap().to_owned()
    }

    /// All rows of `main`, as they are printed.
    pub(crate) fn rows(&self) -> String {
        self.run(["scan", "--json"]).ok()
    }

    /// Digest of `main`'s frontier.
    pub(crate) fn frontier(&self) -> String {
        self.json(["status"])["stores"][1]["frontier"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// A process that runs until it is told to stop; killed when dropped.
pub(crate) struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    fn new(mut child: Child) -> Self {
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// The next line of its output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        assert!(
            !line.is_empty(),
            "the process ended: {:?}",
            self.child.wait()
        );
        line
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(status.success());
    }

    /// SIGTERM; it must stop with 0.
    pub(crate) fn stop(mut self) {
        self.signal("-TERM");
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{rest}");
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Flips one bit of a file.
pub(crate) fn flip(path: &Path, offset: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[offset] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}
