//! Forget and prove it: a policy selects, the bodies become irrecoverable, the receipts verify anywhere.
//!
//! `cargo run -p nocturne-examples --example forget_and_verify`

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use nocturne_core::{Genesis, Identity, Operation, SignedRun};
use nocturne_forget::engine::Forgetter;
use nocturne_forget::judge::PolicyJudge;
use nocturne_forget::policy::{Policy, Predicate};
use nocturne_forget::proof::verify_bundle;
use nocturne_forget::receipt::Action;
use nocturne_forget::receipt_log::{ExportOptions, ReceiptLog};
use nocturne_forget::target::Target;
use nocturne_store::{
    Ledger, Medium, RunsQuery, Store, StoreHandle, StoreOptions, SystemClock, SystemEntropy,
};

const SECRET: &[u8] = b"ada's diagnosis, which nobody else may ever read";

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut entropy = SystemEntropy::new()?;
    let me = Identity::generate(&mut entropy);
    let genesis = Genesis::root(me.author(), 1_700_000_000_000, &mut entropy);

    // The judge lets the store recognise what a standing cut covers when it arrives late.
    let options = StoreOptions::system()?.with_judge(Arc::new(PolicyJudge));
    let medium = Medium::directory(&folder.path().join("store"))?;
    let store = StoreHandle::spawn(Store::create(medium, options, &genesis, me.clone())?)?;
    let records = ReceiptLog::open(Ledger::open(&folder.path().join("receipts.redb"))?, me)?;
    let forgetter = Forgetter::new(store.clone(), records, Arc::new(SystemClock));

    let visit = Operation::put("visits/1", SECRET).with_subject("ada");
    store.write_blocking(visit.into())?;
    store.write_blocking(
        Operation::put("visits/2", "bob's")
            .with_subject("bob")
            .into(),
    )?;
    let billed = Operation::put("bills/1", "ada owes 10").with_subject("ada");
    store.write_blocking(billed.with_tags(["bookkeeping"]).into())?;

    // Another node of the same store, Ada's phone, has all of this and writes on without us.
    let medium = Medium::memory();
    let other = Identity::generate(&mut entropy);
    let phone = StoreHandle::spawn(Store::create(
        medium,
        StoreOptions::system()?,
        &genesis,
        other,
    )?)?;
    pull(&store, &phone)?;
    let visit = Operation::put("visits/3", SECRET).with_subject("ada");
    phone.write_blocking(visit.into())?;

    // Forget what is about Ada, but keep what the law wants kept.
    let policy = Policy::builder()
        .forget(Predicate::subject_is("ada"))
        .retain(Predicate::has_tag("bookkeeping"))
        .build()?;
    let target = Target::Policy(Box::new(policy));
    let preview = forgetter.select(&target, None)?;
    ensure!(preview.count == 1, "one operation is selected, {preview:?}");
    let outcome = forgetter.forget(&target, None, &mut entropy)?;
    ensure!(outcome.selected == 1, "and one is forgotten, {outcome:?}");
    println!(
        "forgot {} operation, {} bytes",
        outcome.selected, outcome.bytes
    );

    // Here it is unreadable, in the log it is still accounted for.
    ensure!(store.get(b"visits/1")?.is_none(), "it cannot be read");
    ensure!(store.get(b"bills/1")?.is_some(), "what was retained can");
    ensure!(!contains_secret(folder.path())?, "no file has its bytes");

    // The proof is a file. Whoever gets it needs nothing else to check it.
    let indices: Vec<u64> = outcome.receipts.clone().collect();
    let proof = forgetter
        .log()
        .export(&indices, ExportOptions::default())?
        .encode()?;
    let verdict = verify_bundle(&proof)?;
    println!("{} bytes of proof show:", proof.len());
    verdict
        .claims
        .iter()
        .for_each(|claim| println!("  {claim}"));
    println!("and do not show:");
    verdict
        .not_claimed
        .iter()
        .for_each(|gap| println!("  {gap}"));

    // One flipped bit anywhere, and it is no proof.
    for index in 0..proof.len() {
        let mut forged = proof.clone();
        if let Some(byte) = forged.get_mut(index) {
            *byte ^= 1;
        }
        ensure!(
            verify_bundle(&forged).is_err(),
            "byte {index} of the proof does not matter"
        );
    }

    // Her phone was away, and comes back with what it had and with what it wrote in the meantime:
    // neither is readable here, and what came late has a receipt of its own.
    pull(&phone, &store)?;
    ensure!(
        store.frontier().digest() == phone.frontier().digest(),
        "both have all entries"
    );
    ensure!(
        store.get(b"visits/1")?.is_none(),
        "what was forgotten does not come back"
    );
    ensure!(
        store.get(b"visits/3")?.is_none(),
        "what the cut covers is born forgotten"
    );
    ensure!(
        phone.get(b"visits/3")?.is_some(),
        "the phone has not been asked to forget"
    );
    let late = forgetter.log().read(forgetter.resume()?.start, 1)?.pop();
    let (_, late) = late.context("it has a receipt too")?;
    ensure!(late.action == Action::BornForgotten, "{late:?}");
    ensure!(!contains_secret(folder.path())?, "no file has its bytes");
    println!("what comes late is born forgotten");

    phone.shutdown_blocking()?;
    store.shutdown_blocking()?;
    Ok(())
}

/// Brings `to` what `from` has: what a sync session does, without a network.
fn pull(from: &StoreHandle, to: &StoreHandle) -> anyhow::Result<()> {
    let have = to.frontier();
    let query = RunsQuery {
        have: &have,
        from_revision: 0,
        max_bytes: usize::MAX,
    };
    let runs = from.snapshot()?.runs_since(&query)?.runs;
    let verified = runs
        .into_iter()
        .map(SignedRun::verify)
        .collect::<Result<_, _>>()?;
    to.apply_blocking(verified)?;
    Ok(())
}

/// Whether any file below `folder` holds the secret as raw bytes.
fn contains_secret(folder: &Path) -> anyhow::Result<bool> {
    for item in std::fs::read_dir(folder)? {
        let path = item?.path();
        let found = if path.is_dir() {
            contains_secret(&path)?
        } else {
            std::fs::read(&path)?
                .windows(SECRET.len())
                .any(|window| window == SECRET)
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

#[test]
fn what_it_claims_holds() -> anyhow::Result<()> {
    main()
}
