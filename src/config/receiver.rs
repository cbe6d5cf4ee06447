//! The kinds of receivers: one row each. What a kind does differently is read from its row.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What authorises a request, and with it who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// A bearer token, for a team and a user; an older Spec Kitty may know them. The protocol is the
    /// published contract.
    Token,
    /// Headers of the operator; `[external_receiver]` also sets the protocol.
    Headers,
    /// Nothing: the receiver is part of this program.
    Inside,
}

/// The keys that name the URLs of a kind; empty if the kind has no such URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UrlKeys {
    /// The base URL, from which the others are derived.
    pub(crate) base: &'static str,
    /// The URL for events, verbatim.
    pub(crate) events: &'static str,
    /// The URL for documents, verbatim.
    pub(crate) bodies: &'static str,
}

/// One row: a variant, its word, its access, its URL keys.
macro_rules! kinds {
    ($(
        $(#[$doc:meta])+
        $kind:ident = $word:literal, $access:expr, base $base:literal $(, events $events:literal)? $(, bodies $bodies:literal)? ;
    )+) => {
        /// A kind of target.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        pub(crate) enum ReceiverKind {
            $( $(#[$doc])+ #[serde(rename = $word)] $kind, )+
        }

        impl ReceiverKind {
            /// Every kind.
            pub(crate) const ALL: &[Self] = &[$(Self::$kind),+];

            /// Its word, in the configuration, in the ledger and in JSON.
            pub(crate) const fn word(self) -> &'static str {
                match self { $(Self::$kind => $word),+ }
            }

            /// What authorises a request to it.
            pub(crate) const fn access(self) -> Access {
                match self { $(Self::$kind => $access),+ }
            }

            /// The keys that name its URLs.
            pub(crate) const fn url_keys(self) -> UrlKeys {
                match self {
                    $(Self::$kind => UrlKeys {
                        base: $base,
                        events: concat!($($events)?),
                        bodies: concat!($($bodies)?),
                    }),+
                }
            }
        }

        impl Delivery {
            /// The words of the key `delivery`.
            pub(super) const WORDS: &[&str] = &["none", $($word),+];
        }
    };
}

kinds! {
    /// A hosted Teamspace.
    Teamspace = "teamspace", Access::Token, base "teamspace.server_url";
    /// An endpoint of the operator's own.
    ExternalReceiver = "external-receiver", Access::Headers, base "external_receiver.url",
        events "external_receiver.events_url", bodies "external_receiver.bodies_url";
    /// The receiver inside this program.
    Stub = "stub", Access::Inside, base "";
}

/// A named point on the axes.
#[derive(Debug)]
pub(crate) struct Preset {
    /// Its name.
    pub(crate) name: &'static str,
    /// Other names that are accepted.
    pub(crate) aliases: &'static [&'static str],
    /// Its effect, for help.
    pub(crate) help: &'static str,
    /// The word of `retention`.
    pub(super) retention: &'static str,
    /// The word of `delivery`.
    pub(super) delivery: &'static str,
}

/// Every preset, in display order: one for each kind of receiver, and two that send nothing.
pub(crate) const PRESETS: &[Preset] = &[
    Preset {
        name: "teamspace",
        aliases: &[],
        help: "keep everything, send to a Teamspace",
        retention: "on",
        delivery: "teamspace",
    },
    Preset {
        name: "external-receiver",
        aliases: &["external_receiver"],
        help: "keep everything, send to your own endpoint",
        retention: "on",
        delivery: "external-receiver",
    },
    Preset {
        name: "local-retention",
        aliases: &["local_retention"],
        help: "keep everything, send nothing (what an unconfigured project does)",
        retention: "on",
        delivery: "none",
    },
    Preset {
        name: "opt-out",
        aliases: &["opt_out", "trash"],
        help: "keep only what is bound for a Teamspace, send nothing",
        retention: "off",
        delivery: "none",
    },
    Preset {
        name: "stub",
        aliases: &[],
        help: "keep everything, send to a receiver inside sk-sync, for a first look",
        retention: "on",
        delivery: "stub",
    },
];

impl ReceiverKind {
    /// The kind with this word; `None` if unknown.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }

    /// True for a server: sending to it needs consent, and what it has is proof of a delivery. False
    /// for the receiver inside this program.
    pub(crate) const fn is_server(self) -> bool {
        !matches!(self.access(), Access::Inside)
    }
}

/// Where events and documents are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Nowhere.
    None,
    /// To a receiver of this kind.
    To(ReceiverKind),
}

impl Delivery {
    /// The kind of receiver; `None` if nothing is sent.
    pub(crate) const fn receiver(self) -> Option<ReceiverKind> {
        match self {
            Self::None => None,
            Self::To(kind) => Some(kind),
        }
    }
}

impl<'de> Deserialize<'de> for Delivery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match (word.as_str(), ReceiverKind::of_word(&word)) {
            ("none", _) => Ok(Self::None),
            (_, Some(kind)) => Ok(Self::To(kind)),
            (_, None) => Err(serde::de::Error::custom("unknown delivery")),
        }
    }
}

impl Serialize for Delivery {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.receiver().map_or("none", ReceiverKind::word))
    }
}
