//! A receipt for programs that read JSON.

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::Receipt;

impl Receipt {
    /// The receipt's fields. Times and generations are numbers, hashes hexadecimal.
    pub fn to_json(&self) -> Value {
        json!({
            "issuer": self.issuer.to_string(),
            "store": self.store.to_string(),
            "author": self.operation.author.to_string(),
            "seq": self.operation.seq,
            "op": self.operation.op,
            "entry": self.entry.to_string(),
            "commitment": self.commitment.to_string(),
            "action": self.action.word(),
            "cut": self.cut.to_string(),
            "policy": self.policy.to_string(),
            "reason": self.reason.word(),
            "as_of_ms": self.as_of_ms,
            "issued_ms": self.issued_ms,
            "state_kind": self.state.word(),
            "state_before": HEXLOWER.encode(&self.state_before),
            "state_after": HEXLOWER.encode(&self.state_after),
            "keyring_before": self.keyring_before,
            "keyring_after": self.keyring_after,
            "grade": self.grade.word(),
        })
    }
}
