//! Every limit of the format, in one place. All are inclusive.

use std::time::Duration;

/// Longest key, in bytes. A key is never empty.
pub const MAX_KEY_LEN: usize = 4 * 1024;
/// Longest value, in bytes.
pub const MAX_VALUE_LEN: usize = 1024 * 1024;
/// Most tags on one operation.
pub const MAX_TAGS: usize = 16;
/// Longest tag, in bytes. A tag is never empty.
pub const MAX_TAG_LEN: usize = 256;
/// Longest data subject, in bytes. A subject is never empty.
pub const MAX_SUBJECT_LEN: usize = 1024;
/// Most operations in one entry.
pub const MAX_OPS: usize = 4_096;
/// Largest entry: canonical header and all bodies, in bytes.
pub const MAX_ENTRY_BYTES: usize = 4 * 1024 * 1024;
/// Most entries that an entry may depend on.
pub const MAX_DEPS: usize = 64;
/// Most heads that one operation may supersede.
pub const MAX_PARENTS: usize = 1_024;
/// Most entries in a run.
pub const MAX_RUN_ENTRIES: usize = 1_024;
/// Largest run in bytes, unless it is a single larger entry.
pub const MAX_RUN_BYTES: usize = 1024 * 1024;
/// How far ahead of the local clock an entry may be before it is quarantined, unless configured.
pub const DEFAULT_MAX_DRIFT: Duration = Duration::from_hours(1);
