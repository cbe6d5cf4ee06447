//! The kinds of journal rows.

/// Kind of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// An event: its payload is an envelope.
    Event,
    /// A version of a document: its payload says which, its text is stored separately.
    Document,
}

impl Kind {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Event, Self::Document];

    /// The number kept in rows.
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Event => 0,
            Self::Document => 1,
        }
    }

    /// The kind with this number; unknown numbers count as an event.
    pub(crate) const fn from_code(code: i64) -> Self {
        if code == 1 {
            Self::Document
        } else {
            Self::Event
        }
    }

    /// The scope of the journal's counters of this kind.
    pub(crate) const fn scope(self) -> &'static str {
        match self {
            Self::Event => "journal",
            Self::Document => "journal/documents",
        }
    }
}
