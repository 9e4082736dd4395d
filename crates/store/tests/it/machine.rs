//! A machine whose power can fail at any call to its disk, and lose any part of what was not synced.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use nocturne_store::{Disk, Medium, Memory, Vault};

/// Repeatable randomness (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }
}

#[derive(Debug, Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Len(u64),
}

/// What a machine holds: bytes that are durable, changes that are not yet, and after so many more
/// calls the power is cut.
#[derive(Debug, Clone, Default)]
pub(crate) struct Machine {
    durable: Vec<u8>,
    pending: Vec<Change>,
    note: Option<Vec<u8>>,
    /// By generation; a version may be torn.
    keyrings: BTreeMap<u64, Vec<u8>>,
    pub(crate) calls: u64,
    pub(crate) cut_at: Option<u64>,
}

impl Machine {
    fn call(&mut self) -> io::Result<()> {
        self.calls += 1;
        match self.cut_at {
            Some(at) if self.calls > at => Err(io::ErrorKind::BrokenPipe.into()),
            _ => Ok(()),
        }
    }

    pub(crate) fn alive(&self) -> bool {
        self.cut_at.is_none_or(|at| self.calls <= at)
    }

    fn seen(&self) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for change in &self.pending {
            apply(&mut bytes, change);
        }
        bytes
    }

    /// The power comes back: any part of what was pending is there, in any order, in parts of
    /// sectors.
    pub(crate) fn restart(&self, dice: &mut Dice) -> Self {
        let mut durable = self.durable.clone();
        for change in &self.pending {
            match change {
                Change::Write(offset, data) => {
                    for (sector, data) in (0..).zip(data.chunks(512)) {
                        if dice.roll(2) == 0 {
                            apply(
                                &mut durable,
                                &Change::Write(offset + sector * 512, data.into()),
                            );
                        }
                    }
                }
                Change::Len(_) if dice.roll(2) == 0 => apply(&mut durable, change),
                Change::Len(_) => {}
            }
        }
        Self {
            durable,
            note: self.note.clone(),
            keyrings: self.keyrings.clone(),
            ..Self::default()
        }
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(offset, data) => {
            let start = usize::try_from(*offset).unwrap();
            if bytes.len() < start + data.len() {
                bytes.resize(start + data.len(), 0);
            }
            bytes[start..start + data.len()].copy_from_slice(data);
        }
        Change::Len(len) => bytes.resize(usize::try_from(*len).unwrap(), 0),
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Shared(Arc<Mutex<Machine>>);

impl Shared {
    pub(crate) fn new(machine: Machine) -> Self {
        Self(Arc::new(Mutex::new(machine)))
    }

    pub(crate) fn medium(&self) -> Medium {
        Medium {
            disk: Box::new(self.clone()),
            vault: Box::new(self.clone()),
        }
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Machine) -> R) -> R {
        f(&mut self.0.lock().unwrap())
    }
}

impl Disk for Shared {
    fn len(&self) -> io::Result<u64> {
        Ok(self.with(|machine| machine.seen().len()) as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        self.with(|machine| {
            let mut seen = machine.durable.get(start..).unwrap_or_default().to_vec();
            if !machine.pending.is_empty() {
                seen = machine.seen().get(start..).unwrap_or_default().to_vec();
            }
            let bytes = seen.get(..out.len());
            out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|machine| {
            machine.call()?;
            machine.pending.push(Change::Len(len));
            Ok(())
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.with(|machine| {
            let call = machine.call();
            // The write at which the power fails may get through in part.
            if call.is_ok() || machine.cut_at == machine.calls.checked_sub(1) {
                machine.pending.push(Change::Write(offset, data.to_vec()));
            }
            call
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|machine| {
            machine.call()?;
            machine.durable = machine.seen();
            machine.pending.clear();
            Ok(())
        })
    }

    fn note(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.with(|machine| machine.note.clone()))
    }

    fn set_note(&self, note: Option<&[u8]>) -> io::Result<()> {
        self.with(|machine| {
            machine.call()?;
            machine.note = note.map(<[u8]>::to_vec);
            Ok(())
        })
    }
}

impl Vault for Shared {
    fn load(&mut self) -> io::Result<Vec<Vec<u8>>> {
        Ok(self.with(|machine| machine.keyrings.values().cloned().collect()))
    }

    /// As files do: the new version beside the old ones, torn at first, then the old ones go.
    fn replace(&mut self, generation: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(|machine| {
            machine.call()?;
            machine
                .keyrings
                .insert(generation, bytes[..bytes.len() / 2].to_vec());
            machine.call()?;
            machine.keyrings.insert(generation, bytes.to_vec());
            let old: Vec<u64> = machine.keyrings.keys().copied().collect();
            for old in old.into_iter().filter(|old| *old != generation) {
                machine.call()?;
                machine.keyrings.insert(old, vec![0; 9]);
                machine.call()?;
                machine.keyrings.remove(&old);
            }
            Ok(())
        })
    }
}

pub(crate) fn machine(memory: &Memory) -> Machine {
    Machine {
        durable: memory.bytes(),
        note: memory.note(),
        keyrings: memory.keyring().into_iter().collect(),
        ..Machine::default()
    }
}
