//! Field types that JSON needs help with.

use nocturne_core::Hlc;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An hlc in JSON: a string, since many readers lose bits of a 64-bit number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JsonHlc(pub Hlc);

impl Serialize for JsonHlc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for JsonHlc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(JsonHlc).map_err(serde::de::Error::custom)
    }
}
