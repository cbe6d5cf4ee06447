//! Who reads.

/// The projects that a reader may see: those of a team, or one of them. Others are not there for
/// this reader.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::serve) struct Scope {
    pub(in crate::serve) team: i32,
    /// The UUID of the only one.
    pub(in crate::serve) project: Option<String>,
}
