//! The numbers that are kept with what they count.

use std::collections::BTreeMap;

macro_rules! counts {
    ($($variant:ident = $name:literal: $meaning:literal,)*) => {
        /// A number that is kept with what it counts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(in crate::serve) enum Count {
            $(#[doc = $meaning] $variant,)*
        }

        impl Count {
            /// Every number, in the order of the report.
            pub(in crate::serve) const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in the report and in storage.
            pub(in crate::serve) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

counts! {
    Events = "events": "Events stored.",
    Duplicates = "duplicates": "Events that came again with the same content.",
    Rejected = "rejected": "Events that broke the contract.",
    Conflicts = "conflicts": "Events whose id was taken by other content.",
    Bodies = "bodies": "Artifact versions with a stored text.",
    BodiesAlreadyExist = "bodies_already_exists": "Bodies that came again.",
    BodiesNotIndexed = "bodies_not_indexed": "Bodies that came before the event that announces them.",
    Projects = "projects": "Projects with at least one event.",
    EventRequests = "event_requests": "Requests to the events endpoint, whatever was answered.",
    BodyRequests = "body_requests": "Requests to the documents endpoint, with any answer.",
    RepeatedRequests = "repeated_requests": "Requests whose `Idempotency-Key` had come before.",
    Connections = "connections": "Connections accepted.",
}

/// The value of every number.
pub(in crate::serve) type Counts = BTreeMap<Count, i64>;
