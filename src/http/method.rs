//! HTTP methods.

/// The methods this program uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Reads.
    Get,
    /// Changes something.
    Post,
    /// Stores an object.
    #[cfg(feature = "postgres")]
    Put,
    /// Removes an object.
    #[cfg(feature = "postgres")]
    Delete,
}

impl Method {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            #[cfg(feature = "postgres")]
            Self::Put => "PUT",
            #[cfg(feature = "postgres")]
            Self::Delete => "DELETE",
        }
    }

    pub(super) const fn has_body(self) -> bool {
        match self {
            Self::Get => false,
            Self::Post => true,
            #[cfg(feature = "postgres")]
            Self::Put => true,
            #[cfg(feature = "postgres")]
            Self::Delete => false,
        }
    }
}
