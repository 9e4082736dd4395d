//! The codes of a receipt's one-byte fields.

use std::fmt;

/// Defines an enum whose variants have a number and a word.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal, $word:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The number in canonical bytes.
            pub const fn number(self) -> u8 {
                match self {
                    $(Self::$variant => $number,)+
                }
            }

            /// The code with this number, if there is one.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The word for it.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

codes! {
    /// How an operation came to be forgotten.
    Action {
        /// It was stored here and has been erased.
        Forgotten = 1, "forgotten";
        /// It came after the decision that covers it and was never stored.
        BornForgotten = 2, "born-forgotten";
    }
}

codes! {
    /// What kind of selection a decision to forget was.
    Reason {
        /// One key.
        Key = 1, "key";
        /// Keys with a prefix.
        Prefix = 2, "prefix";
        /// A data subject.
        Subject = 3, "subject";
        /// A policy.
        Policy = 4, "policy";
        /// Any other predicate.
        Predicate = 5, "predicate";
    }
}

codes! {
    /// What a receipt's two state digests are. Number 2 is reserved for the root of the
    /// authenticated map over the state.
    StateKind {
        /// Digest of the store's frontier.
        Frontier = 1, "frontier";
    }
}

codes! {
    /// How thoroughly an operation was erased. A higher grade includes the lower.
    Grade {
        /// Its key is punctured and its body dropped: the bytes that may remain on the medium
        /// cannot be decrypted.
        Punctured = 1, "punctured";
        /// The database has also been compacted and the old keyring file overwritten.
        Scrubbed = 2, "scrubbed";
    }
}
