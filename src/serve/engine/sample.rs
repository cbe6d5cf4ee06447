//! Numbers of an engine itself, for operators.

/// One number of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) struct Sample {
    /// Without the program's prefix.
    pub(in crate::serve) name: &'static str,
    pub(in crate::serve) help: &'static str,
    pub(in crate::serve) kind: &'static str,
    /// `name="value"`, or nothing.
    pub(in crate::serve) label: String,
    pub(in crate::serve) value: i64,
}
