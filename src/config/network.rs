//! How servers are reached from this machine; set by the user only.

use serde::Deserialize;

use super::schema::unless_empty;

/// `[network]`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NetworkSettings {
    /// The proxy's URL, which may contain a password.
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) proxy: Option<String>,
    /// A PEM file with the client certificate; absolute, or below `~/`.
    pub(crate) client_cert: Option<String>,
    /// A PEM file with its key; `None` if the key is in the same file.
    pub(crate) client_key: Option<String>,
}
