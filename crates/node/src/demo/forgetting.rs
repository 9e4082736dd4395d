//! A policy, the forgetting, and its evidence.

use std::path::Path;

use nocturne_core::{OpBody, OpRef};
use nocturne_forget::proof::verify_bundle;

use super::member::Member;
use super::{Mesh, Narrator, failed};
use crate::api::{BatchOp, ForgetWhat, Item, Request};
use crate::bytes_json::JsonBytes;
use crate::error::NodeError;
use crate::residue;

const POLICY_NAME: &str = "visitors";
const POLICY: &str = "[[forget]]\nname = \"visitors' data\"\nwhen = { has_tag = \"visitor\" }\n";
const SUBJECT: &str = "ada@example.org";
const NOTES: [(&str, &str); 3] = [
    ("visitors/1/name", "Ada Example, 12 Imaginary Street"),
    ("visitors/1/badge", "badge 4711 handed out at nine"),
    ("visitors/1/host", "came to see the founders about a loan"),
];
/// How many bits of a proof are flipped, one at a time, spread over the file.
const FLIPS: usize = 256;

pub(super) async fn act(mesh: &Mesh, kept: &str, narrator: &mut Narrator) -> Result<(), NodeError> {
    narrator.act(
        "Forgetting, by policy",
        "Visitors' data is written on the phone, and a policy says that it may be forgotten.",
    );
    let bodies = write_notes(mesh).await?;
    set_policy(mesh, narrator).await?;
    for member in [&mesh.desk, &mesh.server] {
        forget(member).await?;
    }
    let gone = |members: &[&Member]| -> Result<bool, NodeError> {
        for member in members {
            for (key, _) in NOTES {
                if member.value(key)?.is_some() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    };
    narrator.claim(
        "desk and server have forgotten all three notes",
        gone(&[&mesh.desk, &mesh.server])?,
    );
    let has = mesh.phone.value(NOTES[0].0)?.as_deref() == Some(NOTES[0].1.as_bytes());
    mesh.sync().await?;
    mesh.sync().await?;
    narrator.claim(
        "a sync with the phone, which still has them, does not bring them back",
        has && mesh.is_equal()? && gone(&[&mesh.desk, &mesh.server])?,
    );
    forget(&mesh.phone).await?;
    mesh.sync().await?;
    narrator.claim("the phone has forgotten them too", gone(&mesh.all())?);
    prove(mesh, kept, &bodies, narrator).await
}

/// Writes the notes on the phone; returns their bodies, salts included, to look for later.
async fn write_notes(mesh: &Mesh) -> Result<Vec<(OpRef, OpBody)>, NodeError> {
    let text = |text: &str| JsonBytes::from(text.to_owned());
    let ops = NOTES.iter().map(|(key, value)| BatchOp::Put {
        key: text(key),
        value: text(value),
        tags: vec![text("visitor")],
        subject: Some(text(SUBJECT)),
    });
    mesh.phone.write(ops.collect()).await?;
    mesh.sync().await?;
    let snapshot = mesh.phone.store()?.snapshot()?;
    let mut places = Vec::new();
    for (key, _) in NOTES {
        let heads = snapshot.heads(key.as_bytes())?;
        places.extend(heads.iter().map(|head| head.at));
    }
    Ok(snapshot.bodies(&places)?)
}

async fn set_policy(mesh: &Mesh, narrator: &mut Narrator) -> Result<(), NodeError> {
    let set = Request::PolicySet {
        store: "main".to_owned(),
        name: POLICY_NAME.to_owned(),
        text: POLICY.to_owned(),
    };
    mesh.desk.ask(set).await?;
    mesh.sync().await?;
    let mut selects = true;
    for member in mesh.all() {
        let test = Request::PolicyTest {
            store: "main".to_owned(),
            name: POLICY_NAME.to_owned(),
        };
        let answer = member.ask(test).await?;
        selects &= matches!(
            answer.first(),
            Some(Item::PolicyTested { selected, .. }) if *selected == NOTES.len() as u64
        );
    }
    narrator.claim(
        "the policy, set at the desk, is on all three and selects the three notes",
        selects,
    );
    Ok(())
}

async fn forget(member: &Member) -> Result<(), NodeError> {
    let request = Request::Forget {
        store: "main".to_owned(),
        what: ForgetWhat::Policy(POLICY_NAME.to_owned()),
        dry_run: false,
    };
    member.ask(request).await.map(drop)
}

async fn prove(
    mesh: &Mesh,
    kept: &str,
    bodies: &[(OpRef, OpBody)],
    narrator: &mut Narrator,
) -> Result<(), NodeError> {
    narrator.act(
        "The evidence",
        "Each node exports its receipts; they are checked as `nocturne proof verify` does, offline.",
    );
    let mut valid = true;
    let mut receipts = 0;
    let mut rejected = 0;
    for member in mesh.all() {
        let (proof, count) = export(member).await?;
        match verify_bundle(&proof) {
            Ok(verdict) => {
                valid &= verdict.level == 1 && count == NOTES.len() as u64;
                receipts += count;
            }
            Err(error) => {
                tracing::error!(%error, "the proof is invalid");
                valid = false;
            }
        }
        rejected += reject_flips(&proof);
    }
    narrator.claim(
        &format!("{receipts} receipts verify, three of each node, at level 1"),
        valid,
    );
    narrator.claim(
        &format!(
            "each of {} proofs with one bit flipped is rejected",
            3 * FLIPS
        ),
        rejected == 3 * FLIPS,
    );
    let mut sound = true;
    for member in mesh.all() {
        let answer = member.ask(Request::Verify { deep: true }).await?;
        sound &= matches!(answer.first(), Some(Item::Verified { valid: true, .. }));
    }
    narrator.claim(
        "every chain of signed headers still verifies on all three, the forgotten entries included",
        sound,
    );
    search(mesh, kept, bodies, narrator)?;
    narrator.note(
        "Not proven, as every proof says itself: that no copy exists elsewhere, that flash is blank, \
         that a node was honest.",
    );
    Ok(())
}

/// A node's proof file, and how many receipts are in it.
async fn export(member: &Member) -> Result<(Vec<u8>, u64), NodeError> {
    let request = Request::Receipts {
        store: "main".to_owned(),
        cut: None,
        export: true,
    };
    let (mut proof, mut count) = (Vec::new(), 0);
    for item in member.ask(request).await? {
        if let Item::ProofChunk { hex, receipts } = item {
            let chunk = data_encoding::HEXLOWER
                .decode(hex.as_bytes())
                .map_err(|error| failed("the proof is no hex", &error.to_string()))?;
            proof.extend(chunk);
            count = receipts;
        }
    }
    Ok((proof, count))
}

fn reject_flips(proof: &[u8]) -> usize {
    let bits = proof.len() * 8;
    let mut rejected = 0;
    for flip in 0..FLIPS {
        let bit = flip * bits / FLIPS;
        let mut bad = proof.to_vec();
        if let Some(byte) = bad.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
            rejected += usize::from(verify_bundle(&bad).is_err());
        }
    }
    rejected
}

/// Looks for the raw bytes in every file of every data directory.
fn search(
    mesh: &Mesh,
    kept: &str,
    bodies: &[(OpRef, OpBody)],
    narrator: &mut Narrator,
) -> Result<(), NodeError> {
    let found = |root: &Path, pattern: &[u8]| -> Result<usize, NodeError> {
        match residue::search(root, pattern)? {
            Item::Residue { matches, .. } => Ok(matches.len()),
            _ => Err(failed("no search result", "residue")),
        }
    };
    let (mut traces, mut control) = (0, 0);
    for member in mesh.all() {
        let root = member.layout.root();
        for (key, value) in NOTES {
            traces += found(root, value.as_bytes())? + found(root, key.as_bytes())?;
        }
        traces += found(root, SUBJECT.as_bytes())?;
        for (_, body) in bodies {
            let salt = body.joined().get(..nocturne_core::SALT_LEN);
            traces += found(root, salt.unwrap_or_default())?;
        }
        control += usize::from(found(root, kept.as_bytes())? > 0);
    }
    narrator.claim(
        "no byte of their values, keys, salts or subject is left in any file of the three data \
         directories",
        traces == 0 && bodies.len() == NOTES.len(),
    );
    narrator.claim(
        "the same search does find a key that was kept, on all three",
        control == 3,
    );
    Ok(())
}
