//! A crash at every moment at which something became durable, and what a start makes of it.

use std::io;
use std::sync::{Arc, Mutex};

use nocturne_core::OpRef;
use nocturne_forget::target::Target;
use nocturne_store::{Depth, Disk, Ledger, Medium, Store, Vault};

use crate::rig::{ManualClock, Node, genesis, identity, options};

/// What a crash would leave: the store's file, the keyring's versions, the ledger's file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Image {
    files: [Vec<u8>; 2],
    keyring: Vec<(u64, Vec<u8>)>,
}

/// The machine: what was written, what of it is durable, and an image from each time that
/// something became durable.
#[derive(Debug, Default)]
struct Machine {
    written: Image,
    durable: Image,
    images: Vec<Image>,
}

type Shared = Arc<Mutex<Machine>>;

impl Machine {
    fn on(image: Image) -> Shared {
        Arc::new(Mutex::new(Self {
            written: image.clone(),
            durable: image,
            images: Vec::new(),
        }))
    }

    /// Makes one part of what was written durable.
    fn harden<T: Clone>(&mut self, part: impl Fn(&mut Image) -> &mut T) {
        let Self {
            written, durable, ..
        } = self;
        part(durable).clone_from(part(written));
    }

    /// Remembers both what a crash of the machine and what a kill of the process would leave.
    fn remember(&mut self) {
        for image in [&self.durable, &self.written] {
            if !self.images.contains(image) {
                self.images.push(image.clone());
            }
        }
    }
}

#[derive(Debug)]
struct RecordedDisk(Shared, usize);

impl Disk for RecordedDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().written.files[self.1].len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let machine = self.0.lock().unwrap();
        let start = usize::try_from(offset).unwrap();
        let bytes = &machine.written.files[self.1];
        out.copy_from_slice(&bytes[start..start + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).unwrap();
        self.0.lock().unwrap().written.files[self.1].resize(len, 0);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        let bytes = &mut self.0.lock().unwrap().written.files[self.1];
        if bytes.len() < start + data.len() {
            bytes.resize(start + data.len(), 0);
        }
        bytes[start..start + data.len()].copy_from_slice(data);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut machine = self.0.lock().unwrap();
        machine.remember();
        machine.harden(|image| &mut image.files[self.1]);
        machine.remember();
        Ok(())
    }
}

#[derive(Debug)]
struct RecordedVault(Shared);

impl Vault for RecordedVault {
    fn load(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let machine = self.0.lock().unwrap();
        let versions = machine.written.keyring.iter();
        Ok(versions.map(|(_, bytes)| bytes.clone()).collect())
    }

    fn replace(&mut self, generation: u64, bytes: &[u8]) -> io::Result<()> {
        let mut machine = self.0.lock().unwrap();
        // First both versions, then only the new one: a crash may come in between.
        machine.written.keyring.push((generation, bytes.to_vec()));
        machine.harden(|image| &mut image.keyring);
        machine.remember();
        machine
            .written
            .keyring
            .retain(|(number, _)| *number == generation);
        machine.harden(|image| &mut image.keyring);
        machine.remember();
        Ok(())
    }
}

fn start(machine: &Shared, seed: u64) -> Node {
    let clock = ManualClock::new();
    let medium = Medium {
        disk: Box::new(RecordedDisk(Arc::clone(machine), 0)),
        vault: Box::new(RecordedVault(Arc::clone(machine))),
    };
    let options = options(&clock, seed);
    let store = if medium.disk.is_empty().unwrap() {
        Store::create(medium, options, &genesis(), identity(1)).unwrap()
    } else {
        Store::open(medium, options, identity(1), None).unwrap()
    };
    let ledger = Ledger::on(Box::new(RecordedDisk(Arc::clone(machine), 1))).unwrap();
    Node::over(store, ledger, clock, 1)
}

const SECRETS: u64 = 3;

/// Three versions of a secret among other things.
fn prepared() -> Image {
    let machine = Machine::on(Image::default());
    let node = start(&machine, 1);
    for number in 0..SECRETS {
        node.put("secret", &format!("version {number}"));
        node.put("other", &format!("other {number}"));
    }
    node.stop();
    let machine = machine.lock().unwrap();
    machine.durable.clone()
}

/// Starts on what a crash left, and checks that everything is one way or the other.
fn check(number: usize, image: Image) -> bool {
    let node = start(&Machine::on(image), 2 + number as u64);
    node.forgetter.resume().unwrap();
    let receipts = node.forgetter.log().read(0, 100).unwrap();
    let mut places: Vec<OpRef> = receipts
        .iter()
        .map(|(_, receipt)| receipt.operation)
        .collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(
        places.len(),
        receipts.len(),
        "image {number}: a receipt stands twice"
    );

    let snapshot = node.handle.snapshot().unwrap();
    for place in &places {
        let bodies = snapshot.bodies(&[*place]).unwrap();
        assert!(
            bodies.is_empty(),
            "image {number}: a receipt without its erasure"
        );
    }
    assert!(
        snapshot.erasures(100).unwrap().is_empty(),
        "image {number}: receipts are due"
    );
    assert!(
        !snapshot.scrub_due().unwrap(),
        "image {number}: a scrub is due"
    );
    let done = node.get("secret").is_none();
    let expected = if done { SECRETS } else { 0 };
    assert_eq!(
        places.len() as u64,
        expected,
        "image {number}: half a forget"
    );
    assert_eq!(snapshot.get(b"other").unwrap().unwrap().value, "other 2");
    drop(snapshot);

    assert!(
        node.forgetter.resume().unwrap().is_empty(),
        "image {number}"
    );
    let findings = node.handle.verify_blocking(Depth::Deep).unwrap();
    assert!(findings.findings.is_empty(), "image {number}: {findings:?}");
    node.stop();
    done
}

#[test]
fn whenever_the_crash_comes_the_forget_has_not_begun_or_is_finished_at_the_next_start() {
    let machine = Machine::on(prepared());
    let mut node = start(&machine, 2);
    machine.lock().unwrap().images.clear();
    let target = Target::Key("secret".into());
    node.forgetter
        .forget(&target, None, &mut node.entropy)
        .unwrap();
    let images = std::mem::take(&mut machine.lock().unwrap().images);
    node.stop();

    let mut outcomes = Vec::new();
    for (number, image) in images.into_iter().enumerate() {
        outcomes.push(check(number, image));
    }
    assert!(
        outcomes.len() > 20,
        "the recording is too thin: {}",
        outcomes.len()
    );
    assert_eq!(outcomes.first(), Some(&false));
    assert_eq!(outcomes.last(), Some(&true));
}

/// The steps one by one through the public interface, with a restart after each.
#[test]
fn a_restart_after_any_step_finishes_what_is_left() {
    for steps in 0..3 {
        let dir = tempfile::tempdir().unwrap();
        let mut node = Node::in_directory(dir.path(), 1);
        node.put("secret", "value");
        let target = Target::Key("secret".into());
        let cut = target
            .cut(node.forgetter.now_ms().unwrap(), &mut node.entropy)
            .unwrap();
        let at = OpRef {
            author: node.handle.author(),
            seq: 1,
            op: 0,
        };
        let request = nocturne_store::ForgetRequest {
            cut,
            targets: vec![at],
        };
        node.handle.forget_blocking(request).unwrap();
        if steps > 0 {
            node.handle.scrub_blocking().unwrap();
        }
        if steps > 1 {
            node.forgetter.resume().unwrap();
        }
        assert_eq!(node.get("secret"), None);
        node.stop();

        let node = Node::in_directory(dir.path(), 1);
        node.forgetter.resume().unwrap();
        assert_eq!(node.get("secret"), None);
        assert_eq!(node.forgetter.log().len(), 1, "{steps} steps");
        node.stop();
    }
}
