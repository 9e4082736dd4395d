//! What can be asked of a node, and what it answers.
//!
//! The daemon's socket carries these as JSON lines; a command without a daemon hands them to the same
//! [`execute`](crate::execute::execute). A request is answered by any number of [`Reply::Item`]s and
//! then one [`Reply::Done`] or [`Reply::Error`].

mod fields;
mod items;
mod requests;

pub use fields::JsonHlc;
pub use items::{
    Action, Head, InitialStores, Item, MemberInfo, PolicyInfo, Problem, Reached, ResidueMatch,
    StoreStatus, StoreSync,
};
pub use requests::{BatchOp, ForgetWhat, Request, ScanSpec};

use serde::{Deserialize, Serialize};

use crate::report::ErrorReport;

/// One answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// Something to show.
    Item(Box<Item>),
    /// The request is done.
    Done,
    /// The request failed; what was shown before still holds.
    Error(ErrorReport),
}
