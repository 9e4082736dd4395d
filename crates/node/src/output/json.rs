//! `--json`: an answer as one line.

use crate::api::Item;

/// The answer without the tag that names it on the socket; `None` for what only people read.
pub(super) fn line(item: &Item) -> Option<String> {
    if matches!(item, Item::Note { .. }) {
        return None;
    }
    let tagged = serde_json::to_string(item).ok()?;
    // `{"tag":INNER}`: the tag holds no colon, and INNER may be a megabyte, so it is cut out as text.
    let (_, inner) = tagged.split_once(':')?;
    inner.strip_suffix('}').map(str::to_owned)
}

/// Whether the answer itself says what went wrong, so that no second document is due.
pub(super) fn carries_error(item: &Item) -> bool {
    matches!(
        item,
        Item::Proof { error: Some(_), .. }
            | Item::Verified { error: Some(_), .. }
            | Item::Demonstrated { error: Some(_), .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::JsonHlc;
    use crate::bytes_json::JsonBytes;
    use nocturne_core::Hlc;

    #[test]
    fn the_tag_is_gone_and_nothing_else() {
        let item = Item::Row {
            key: JsonBytes::from(&b"a:{}"[..]),
            value: JsonBytes::from(&b"\xff"[..]),
            hlc: JsonHlc(Hlc::from_bits(7)),
        };
        assert_eq!(
            line(&item).unwrap(),
            r#"{"key":"a:{}","value":{"hex":"ff"},"hlc":"7"}"#
        );
        assert_eq!(line(&Item::Policies(Vec::new())).unwrap(), "[]");
        assert_eq!(
            line(&Item::Note {
                text: "hi".to_owned()
            }),
            None
        );
    }
}
