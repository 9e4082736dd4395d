//! A node's receipts, in one append-only tree over a durable ledger.

mod export;

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nocturne_core::merkle::{OutOfRange, Tree, leaf_hash};
use nocturne_core::{AuthorId, Identity};
use nocturne_store::{Ledger, LedgerError};

pub use self::export::{ExportError, ExportOptions};

use crate::checkpoint::SignedCheckpoint;
use crate::cut::CutId;
use crate::receipt::{Receipt, ReceiptError};

/// Records that are read at once.
const PAGE: usize = 4_096;

/// A node's receipt log. Clones share it; a node has one for all its stores. Calls read and write
/// the disk and block meanwhile.
#[derive(Debug, Clone)]
pub struct ReceiptLog {
    inner: Arc<Mutex<Inner>>,
    identity: Identity,
}

#[derive(Debug)]
struct Inner {
    ledger: Ledger,
    /// Over all of the ledger's records; 64 bytes of memory a receipt.
    tree: Tree,
}

/// Why the log could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A record of the ledger is no receipt.
    #[error("record {index} of the receipt log is damaged: {cause}")]
    Damaged {
        /// Which.
        index: u64,
        /// How.
        cause: ReceiptError,
    },
    /// A receipt of the log was issued by another identity than the log's.
    #[error("record {0} of the receipt log belongs to another identity")]
    OtherIssuer(u64),
    /// A batch with this name is in the log and holds other receipts.
    #[error("the receipt log already holds a different batch of the same name")]
    OtherBatch,
    /// A receipt that the log doesn't have.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
}

impl ReceiptLog {
    /// Takes a ledger and rebuilds the tree over it. Every record must be a receipt of this
    /// identity: a log that was swapped is noticed here.
    pub fn open(ledger: Ledger, identity: Identity) -> Result<Self, LogError> {
        let mut tree = Tree::new();
        loop {
            let records = ledger.read(tree.len(), PAGE)?;
            if records.is_empty() {
                break;
            }
            for record in records {
                let index = tree.len();
                let receipt = decode(index, &record)?;
                if receipt.issuer != identity.author() {
                    return Err(LogError::OtherIssuer(index));
                }
                tree.push(leaf_hash(&record));
            }
        }
        Ok(Self {
            inner: Arc::new(Mutex::new(Inner { ledger, tree })),
            identity,
        })
    }

    /// Whose log it is.
    pub fn node(&self) -> AuthorId {
        self.identity.author()
    }

    /// How many receipts it holds.
    pub fn len(&self) -> u64 {
        self.lock().tree.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends receipts under a name, once: a batch that is there already, perhaps shorter because
    /// fewer receipts were due then, is left as it is. Returns where it stands.
    pub(crate) fn append(
        &self,
        batch: [u8; 16],
        receipts: &[Receipt],
    ) -> Result<Range<u64>, LogError> {
        let mut inner = self.lock();
        let records: Vec<Vec<u8>> = receipts.iter().map(|r| r.encode().to_vec()).collect();
        let end = inner.tree.len();
        let (first, count) = inner.ledger.append(batch, &records)?;
        if first >= end {
            inner
                .tree
                .extend(records.iter().map(|record| leaf_hash(record)));
            return Ok(first..first + count);
        }
        // The batch was appended before a crash. Its receipts say when they were issued then, so
        // they are recognised by what they are about.
        let limit = usize::try_from(count).unwrap_or(usize::MAX);
        let found = read(&inner, first, limit)?;
        let same = found.len() <= receipts.len()
            && found.iter().zip(receipts).all(|((_, found), due)| {
                (found.store, found.operation, found.commitment)
                    == (due.store, due.operation, due.commitment)
            });
        if !same || found.is_empty() {
            return Err(LogError::OtherBatch);
        }
        Ok(first..first + count)
    }

    /// Receipts from an index on, at most `limit`, with their indices.
    pub fn read(&self, from: u64, limit: usize) -> Result<Vec<(u64, Receipt)>, LogError> {
        read(&self.lock(), from, limit)
    }

    /// All receipts of a cut, in the order of the log.
    pub fn of_cut(&self, cut: CutId) -> Result<Vec<(u64, Receipt)>, LogError> {
        let mut found = Vec::new();
        let mut from = 0;
        loop {
            let page = self.read(from, PAGE)?;
            let Some((last, _)) = page.last() else {
                return Ok(found);
            };
            from = last + 1;
            found.extend(page.into_iter().filter(|(_, receipt)| receipt.cut == cut));
        }
    }

    /// A signed statement of the log's present size and root.
    pub fn checkpoint(&self) -> SignedCheckpoint {
        self.sign(&self.lock().tree)
    }

    fn sign(&self, tree: &Tree) -> SignedCheckpoint {
        SignedCheckpoint::sign(&self.identity, tree.len(), tree.root())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decode(index: u64, record: &[u8]) -> Result<Receipt, LogError> {
    Receipt::decode(record).map_err(|cause| LogError::Damaged { index, cause })
}

fn read(inner: &Inner, from: u64, limit: usize) -> Result<Vec<(u64, Receipt)>, LogError> {
    let records = inner.ledger.read(from, limit)?;
    let numbered = (from..).zip(records);
    numbered
        .map(|(index, record)| Ok((index, decode(index, &record)?)))
        .collect()
}
