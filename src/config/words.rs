//! Enums whose values are words of the configuration.

/// Enums of words: each can be read and written as its word, and has all its words as `WORDS`, in
/// this order.
macro_rules! words {
    ($(
        $(#[$meta:meta])+
        $name:ident { $( $(#[$of_word:meta])+ $variant:ident = $word:literal, )+ }
    )+) => { $(
        $(#[$meta])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
        pub(crate) enum $name {
            $( $(#[$of_word])+ #[serde(rename = $word)] $variant, )+
        }

        impl $name {
            /// The words of the configuration.
            pub(in crate::config) const WORDS: &[&str] = &[$($word),+];
        }
    )+ };
}
pub(super) use words;
