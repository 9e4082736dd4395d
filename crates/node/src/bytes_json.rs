//! Keys and values in JSON: a string when they are valid UTF-8, else `{"hex":"…"}`.

use std::fmt;

use bytes::Bytes;
use data_encoding::HEXLOWER_PERMISSIVE;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that read and write themselves as JSON the way the command line shows them.
///
/// Every byte string has exactly one JSON form, and every form gives its bytes back.
///
/// ```
/// use nocturne_node::bytes_json::JsonBytes;
/// assert_eq!(serde_json::to_string(&JsonBytes::from(&b"caf\xc3\xa9"[..]))?, "\"café\"");
/// assert_eq!(serde_json::to_string(&JsonBytes::from(&b"\xff"[..]))?, r#"{"hex":"ff"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct JsonBytes(pub Bytes);

impl JsonBytes {
    /// The bytes themselves.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// For a terminal: UTF-8 as it is, control characters and other bytes escaped as `\xNN`.
    pub fn shown(&self) -> Shown<'_> {
        Shown(&self.0)
    }
}

impl From<&[u8]> for JsonBytes {
    fn from(bytes: &[u8]) -> Self {
        JsonBytes(Bytes::copy_from_slice(bytes))
    }
}

impl From<Bytes> for JsonBytes {
    fn from(bytes: Bytes) -> Self {
        JsonBytes(bytes)
    }
}

impl From<String> for JsonBytes {
    fn from(text: String) -> Self {
        JsonBytes(Bytes::from(text))
    }
}

impl fmt::Debug for JsonBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.shown())
    }
}

/// Bytes escaped for a terminal; nothing in them can move the cursor or colour the screen.
#[derive(Debug)]
pub struct Shown<'a>(pub &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\\' => f.write_str("\\\\")?,
                    '\n' => f.write_str("\\n")?,
                    '\t' => f.write_str("\\t")?,
                    '\r' => f.write_str("\\r")?,
                    c if c.is_control() => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                    c => write!(f, "{c}")?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for JsonBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Ok(text) = std::str::from_utf8(&self.0) {
            return serializer.serialize_str(text);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("hex", &HEXLOWER_PERMISSIVE.encode(&self.0))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for JsonBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = JsonBytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or {\"hex\":\"…\"}")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<JsonBytes, E> {
                Ok(JsonBytes(Bytes::copy_from_slice(text.as_bytes())))
            }

            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<JsonBytes, E> {
                Ok(JsonBytes(Bytes::from(text)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonBytes, A::Error> {
                let (field, hex) = map.next_entry::<String, String>()?.ok_or_else(|| {
                    A::Error::custom("expected {\"hex\":\"…\"}, found an empty object")
                })?;
                if field != "hex" {
                    return Err(A::Error::unknown_field(&field, &["hex"]));
                }
                if let Some(more) = map.next_key::<String>()? {
                    return Err(A::Error::unknown_field(&more, &["hex"]));
                }
                parse_hex(&hex).map(JsonBytes).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_any(Form)
    }
}

/// A text that should be hex and is not.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not hex (expected pairs of 0-9 and a-f)")]
pub struct NotHex;

/// Reads hex of either case.
pub fn parse_hex(text: &str) -> Result<Bytes, NotHex> {
    HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .map(Bytes::from)
        .map_err(|_| NotHex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_string_comes_back() {
        for bytes in [
            &b""[..],
            b"plain",
            "größe".as_bytes(),
            b"\x00\x1f\"\\",
            b"\xff\xfe",
            b"ok\xc3",
        ] {
            let text = serde_json::to_string(&JsonBytes::from(bytes)).unwrap();
            let back: JsonBytes = serde_json::from_str(&text).unwrap();
            assert_eq!(back.0, bytes, "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "5",
            "null",
            "[1]",
            "{}",
            r#"{"hex":"f"}"#,
            r#"{"hex":"zz"}"#,
            r#"{"base64":"aa"}"#,
            r#"{"hex":"aa","x":"bb"}"#,
        ] {
            assert!(
                serde_json::from_str::<JsonBytes>(text).is_err(),
                "{text} was taken"
            );
        }
    }

    #[test]
    fn a_terminal_is_safe_from_what_it_is_shown() {
        assert_eq!(
            Shown(b"a\x1b[31m\n\xff").to_string(),
            "a\\u{1b}[31m\\n\\xff"
        );
    }
}
