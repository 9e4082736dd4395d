//! Runs: contiguous entries of one log, the last one signed. What comes from outside is a
//! [`SignedRun`]; only [`SignedRun::verify`] makes a [`VerifiedRun`], and a store takes nothing else.

use crate::entry::{Entry, EntryRef, HeaderError, SIGNATURE_DOMAIN};
use crate::genesis::StoreId;
use crate::hash::EntryHash;
use crate::identity::{AuthorId, Identity, Signature};
use crate::limits::{MAX_RUN_BYTES, MAX_RUN_ENTRIES};

/// Entries as a peer sent them: nothing is checked yet.
#[derive(Debug, Clone)]
pub struct SignedRun {
    entries: Vec<Entry>,
    signature: Signature,
    /// The hash of every entry, when the headers were rebuilt from bodies and predecessors just
    /// now: commitments and links then hold by construction and need no second hashing.
    rebuilt: Option<Vec<EntryHash>>,
}

/// An entry whose bodies match its commitments and that a signature vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEntry {
    entry: Entry,
    hash: EntryHash,
}

impl VerifiedEntry {
    /// The entry.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Its hash.
    pub fn hash(&self) -> EntryHash {
        self.hash
    }

    /// Takes it apart.
    pub fn into_entry(self) -> Entry {
        self.entry
    }
}

/// A run that links and whose signature holds. Whether its first entry links to what a node has is
/// the node's to check. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRun {
    entries: Vec<VerifiedEntry>,
    signature: Signature,
    first: EntryRef,
    prev: EntryHash,
    tip: EntryHash,
    store: StoreId,
    size: usize,
}

/// Why a run is refused. All of these are the sender's fault; an unknown version, which is not, is
/// reported by the decoder before a run exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Nothing in it.
    #[error("the run is empty")]
    Empty,
    /// More entries than allowed.
    #[error("the run has {0} entries; at most {MAX_RUN_ENTRIES} are allowed")]
    TooManyEntries(usize),
    /// Larger than allowed.
    #[error("the run has {0} bytes; at most {MAX_RUN_BYTES} are allowed for more than one entry")]
    TooLarge(usize),
    /// An entry breaks the format's rules.
    #[error("entry {at} is malformed: {cause}")]
    Entry {
        /// Which.
        at: EntryRef,
        /// How.
        cause: HeaderError,
    },
    /// An entry that doesn't continue the one before.
    #[error("entry {at} does not continue the entry before it")]
    Broken {
        /// Which.
        at: EntryRef,
    },
    /// A body that is not what the header commits to.
    #[error("a body of entry {at} does not match its commitment")]
    Body {
        /// Which.
        at: EntryRef,
    },
    /// The author did not sign this.
    #[error("the signature of {at} does not verify")]
    Signature {
        /// The last entry.
        at: EntryRef,
    },
}

impl SignedRun {
    /// Contiguous entries of one log and the author's signature over the last one's hash.
    pub const fn new(entries: Vec<Entry>, signature: Signature) -> Self {
        Self {
            entries,
            signature,
            rebuilt: None,
        }
    }

    /// Entries whose commitments were computed from their bodies and whose `prev` is the hash,
    /// given, of the entry before.
    pub(crate) const fn rebuilt(
        entries: Vec<Entry>,
        hashes: Vec<EntryHash>,
        signature: Signature,
    ) -> Self {
        Self {
            entries,
            signature,
            rebuilt: Some(hashes),
        }
    }

    /// Signs entries of the own log. The caller has linked them. `None` if there are none.
    pub fn sign(identity: &Identity, entries: Vec<Entry>) -> Option<Self> {
        let tip = entries.last()?.header.hash();
        let signature = identity.sign(SIGNATURE_DOMAIN, tip.as_bytes());
        Some(Self::new(entries, signature))
    }

    /// The entries, unchecked.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The signature, unchecked.
    pub const fn signature(&self) -> Signature {
        self.signature
    }

    /// Checks limits, links, commitments and the signature: about 33 µs for the signature and
    /// 1 µs for each entry of some 200 bytes.
    ///
    /// ```
    /// use nocturne_core::{Entry, Genesis, Header, Hlc, Identity, RunError, SignedRun, StoreId};
    /// # use nocturne_core::StoreKind;
    ///
    /// let me = Identity::from_secret_bytes(&[1; 32]);
    /// # let genesis = Genesis {
    /// #     kind: StoreKind::Root, creator: me.author(), created_ms: 0, mesh: StoreId::ZERO, secret: [2; 32],
    /// # };
    /// let first = Entry {
    ///     header: Header {
    ///         store: genesis.store_id(),
    ///         author: me.author(),
    ///         seq: 1,
    ///         prev: genesis.hash().into(),
    ///         hlc: Hlc::from_millis(1_700_000_000_000),
    ///         deps: vec![],
    ///         ops: vec![],
    ///     },
    ///     bodies: vec![],
    /// };
    /// let signed = SignedRun::sign(&me, vec![first.clone()]).expect("not empty");
    /// let run = signed.clone().verify()?;
    /// assert_eq!((run.author(), run.last_seq(), run.tip()), (me.author(), 1, first.header.hash()));
    ///
    /// // The signature covers every byte of the header.
    /// let mut forged = first;
    /// forged.header.hlc = Hlc::from_millis(1_600_000_000_000);
    /// let forged = SignedRun::new(vec![forged], signed.signature());
    /// assert!(matches!(forged.verify(), Err(RunError::Signature { .. })));
    /// # Ok::<(), RunError>(())
    /// ```
    pub fn verify(self) -> Result<VerifiedRun, RunError> {
        let Some(first) = self.entries.first() else {
            return Err(RunError::Empty);
        };
        if self.entries.len() > MAX_RUN_ENTRIES {
            return Err(RunError::TooManyEntries(self.entries.len()));
        }
        let size = self.entries.iter().map(Entry::size).sum();
        if size > MAX_RUN_BYTES && self.entries.len() > 1 {
            return Err(RunError::TooLarge(size));
        }
        let start = first.header.at();
        let store = first.header.store;
        let prev = first.header.prev;
        let mut tip = prev;
        let mut last = start;
        let mut expected_seq = Some(start.seq);
        let mut entries: Vec<VerifiedEntry> = Vec::with_capacity(self.entries.len());
        let rebuilt = self.rebuilt;
        for (index, entry) in self.entries.into_iter().enumerate() {
            let at = entry.header.at();
            entry
                .check()
                .map_err(|cause| RunError::Entry { at, cause })?;
            let earlier = entries.last().map(|entry| entry.entry.header.hlc);
            let continues = entry.header.store == store
                && at.author == start.author
                && Some(at.seq) == expected_seq
                && entry.header.prev == tip
                && earlier.is_none_or(|hlc| hlc < entry.header.hlc);
            if !continues {
                return Err(RunError::Broken { at });
            }
            tip = match rebuilt.as_ref().and_then(|hashes| hashes.get(index)) {
                Some(hash) => *hash,
                None => check_bodies(&entry)?,
            };
            last = at;
            expected_seq = at.seq.checked_add(1);
            entries.push(VerifiedEntry { entry, hash: tip });
        }
        start
            .author
            .verify(SIGNATURE_DOMAIN, tip.as_bytes(), &self.signature)
            .map_err(|_| RunError::Signature { at: last })?;
        Ok(VerifiedRun {
            entries,
            signature: self.signature,
            first: start,
            prev,
            tip,
            store,
            size,
        })
    }
}

/// Checks every body against its commitment; returns the entry's hash.
fn check_bodies(entry: &Entry) -> Result<EntryHash, RunError> {
    for (body, op) in entry.bodies.iter().zip(&entry.header.ops) {
        if let Some(body) = body
            && body.commitment() != op.commitment
        {
            return Err(RunError::Body {
                at: entry.header.at(),
            });
        }
    }
    Ok(entry.header.hash())
}

impl VerifiedRun {
    /// Its entries; never empty.
    pub fn entries(&self) -> &[VerifiedEntry] {
        &self.entries
    }

    /// Takes the entries out.
    pub fn into_entries(self) -> Vec<VerifiedEntry> {
        self.entries
    }

    /// The author's signature over [`VerifiedRun::tip`].
    pub fn signature(&self) -> Signature {
        self.signature
    }

    /// Whose log.
    pub fn author(&self) -> AuthorId {
        self.first.author
    }

    /// Which store.
    pub fn store(&self) -> StoreId {
        self.store
    }

    /// Sequence number of the first entry.
    pub fn first_seq(&self) -> u64 {
        self.first.seq
    }

    /// Sequence number of the last entry.
    pub fn last_seq(&self) -> u64 {
        self.first.seq + (self.entries.len() as u64).saturating_sub(1)
    }

    /// What the first entry names as the entry before it.
    pub fn prev(&self) -> EntryHash {
        self.prev
    }

    /// Hash of the last entry.
    pub fn tip(&self) -> EntryHash {
        self.tip
    }

    /// Canonical headers and bodies, in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Drops the first entries up to and including `seq`: what is left links to `seq`'s hash.
    /// `None` when nothing would be left.
    #[must_use]
    pub fn after(mut self, seq: u64) -> Option<Self> {
        let skip = seq
            .checked_add(1)?
            .saturating_sub(self.first.seq)
            .min(self.entries.len() as u64);
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        if skip == 0 {
            return Some(self);
        }
        self.entries.drain(..skip.min(self.entries.len()));
        let first = self.entries.first()?;
        self.first = first.entry.header.at();
        self.prev = first.entry.header.prev;
        self.size = self.entries.iter().map(|entry| entry.entry.size()).sum();
        Some(self)
    }

    /// Copies the bodies out of the memory that they share. Bodies that came over the wire keep the
    /// whole frame alive, whatever [`VerifiedRun::size`] says: whoever keeps runs for long, and
    /// counts them by size, detaches them first.
    #[must_use]
    pub fn detached(mut self) -> Self {
        for entry in &mut self.entries {
            for body in entry.entry.bodies.iter_mut().flatten() {
                *body = body.detached();
            }
        }
        self
    }

    /// Undoes [`SignedRun::verify`], to send it on.
    pub fn into_signed(self) -> SignedRun {
        let entries = self.entries.into_iter().map(VerifiedEntry::into_entry);
        SignedRun::new(entries.collect(), self.signature)
    }
}

#[cfg(test)]
mod tests;
