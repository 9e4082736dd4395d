//! `demo`: the main job on real files of this machine. Three nodes in one process, over real QUIC on
//! loopback, each with a data directory of its own. Every claim that is printed has been checked.

mod forgetting;
mod member;
mod merging;
mod narrator;
mod sources;

use std::path::{Path, PathBuf};

use crate::api::{Item, Request};
use crate::clock::Stopwatch;
use crate::error::NodeError;
use crate::report::{ErrorReport, Exit};
use member::Member;
use narrator::Narrator;

/// What `demo` was told.
#[derive(Debug)]
pub struct DemoOptions {
    /// The files to import.
    pub dir: PathBuf,
    /// Where to leave the data directories; they vanish without it.
    pub keep: Option<PathBuf>,
    /// One JSON document instead of a story.
    pub json: bool,
}

/// The three nodes.
struct Mesh {
    desk: Member,
    server: Member,
    phone: Member,
}

impl Mesh {
    fn all(&self) -> [&Member; 3] {
        [&self.desk, &self.server, &self.phone]
    }

    /// Every node exchanges with both others until nothing is missing.
    async fn sync(&self) -> Result<(), NodeError> {
        for member in self.all() {
            member.sync(None).await?;
        }
        Ok(())
    }

    /// Whether all three have the same entries.
    fn is_equal(&self) -> Result<bool, NodeError> {
        let mut digests = Vec::new();
        for member in self.all() {
            digests.push(member.store()?.frontier().digest());
        }
        Ok(digests.windows(2).all(|pair| pair.first() == pair.last()))
    }
}

/// Runs it. An error if the story could not be told to its end; claims that do not hold are in the
/// answer.
pub async fn run(options: DemoOptions) -> Result<Item, NodeError> {
    let watch = Stopwatch::start();
    let mut narrator = Narrator::new(options.json);
    let temporary;
    let base = if let Some(dir) = &options.keep {
        let occupied = std::fs::read_dir(dir).is_ok_and(|mut items| items.next().is_some());
        if occupied {
            return Err(not_empty(dir));
        }
        dir.clone()
    } else {
        temporary = tempfile::Builder::new()
            .prefix("nocturne-demo-")
            .tempdir()
            .map_err(|error| failed("no directory for the demo", &error.to_string()))?;
        temporary.path().to_owned()
    };
    narrator.title(
        "Nocturne: a key-value store that works offline, merges without losing work, and forgets \
         with proof.",
    );
    let mesh = found(&base, &mut narrator).await?;
    let outcome = acts(&mesh, &options.dir, &mut narrator).await;
    let closed = tokio::join!(mesh.desk.close(), mesh.server.close(), mesh.phone.close());
    outcome?;
    closed.0.and(closed.1).and(closed.2)?;
    if let Some(dir) = &options.keep {
        narrator.note(&format!(
            "The data directories stay in {0}. Look at them: nocturne --data-dir {0}/desk status",
            dir.display()
        ));
    }
    Ok(narrator.finish(watch.elapsed_ms()))
}

async fn acts(mesh: &Mesh, dir: &Path, narrator: &mut Narrator) -> Result<(), NodeError> {
    let edited = merging::import(mesh, dir, narrator).await?;
    merging::partition(mesh, &edited, narrator).await?;
    merging::heal(mesh, &edited, narrator).await?;
    forgetting::act(mesh, &edited, narrator).await
}

/// Makes a mesh of three through invitations.
async fn found(base: &Path, narrator: &mut Narrator) -> Result<Mesh, NodeError> {
    narrator.act(
        "A mesh of three",
        "The desk founds a mesh. Server and phone join with single-use tickets.",
    );
    let desk = Member::found(base, "desk").await?;
    let server = Member::join(base, "server", &desk.invite().await?).await?;
    let ticket = desk.invite().await?;
    let phone = Member::join(base, "phone", &ticket).await?;
    let mesh = Mesh {
        desk,
        server,
        phone,
    };
    mesh.sync().await?;
    let mut agree = true;
    for member in mesh.all() {
        let Some(Item::Members(members)) = member.ask(Request::Peers).await?.into_iter().next()
        else {
            return Err(failed("no member list", member.name));
        };
        agree &= members.len() == 3 && members.iter().all(|other| other.status == "active");
    }
    narrator.claim("all three list the same three active members", agree);
    let refusal = Member::refused(base, &ticket).await?;
    narrator.claim(
        "the second ticket is refused when a fourth node tries it again",
        refusal,
    );
    let stranger = mesh.desk.turns_strangers_away().await?;
    narrator.claim(
        "an endpoint with an unknown key is closed before it can open a stream",
        stranger,
    );
    Ok(mesh)
}

fn not_empty(dir: &Path) -> NodeError {
    ErrorReport {
        code: "demo-not-empty".to_owned(),
        message: format!(
            "the demo needs an empty directory: {} is not",
            dir.display()
        ),
        hint: "Name one that does not exist yet".to_owned(),
        exit: Exit::Failed,
    }
    .into()
}

/// Something that the demo's story takes for granted did not happen.
fn failed(what: &str, why: &str) -> NodeError {
    ErrorReport {
        code: "demo-failed".to_owned(),
        message: format!("the demo cannot go on: {what}: {why}"),
        hint: "Run it with -v to see more".to_owned(),
        exit: Exit::Failed,
    }
    .into()
}
