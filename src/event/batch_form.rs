//! The form of a request's body.

/// The form of a request's body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum BatchForm {
    /// `{"events": […]}`.
    #[default]
    Plain,
    /// A CloudEvents JSON batch.
    CloudEvents,
}

impl BatchForm {
    /// The media type.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Plain => "application/json",
            Self::CloudEvents => "application/cloudevents-batch+json",
        }
    }

    /// The text before the first event, and after the last.
    pub(crate) const fn brackets(self) -> (&'static str, &'static str) {
        match self {
            Self::Plain => ("{\"events\":[", "]}"),
            Self::CloudEvents => ("[", "]"),
        }
    }

    /// The text after each event.
    pub(crate) const fn tail(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::CloudEvents => "}",
        }
    }
}
