//! What requests bring: events, artifacts, and the texts of documents.

use serde_json::Value;

use crate::base::Sha256;
use crate::event::NamespaceRef;

/// One entry of a batch, in the order sent.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::serve) struct Entry {
    /// The `event_id` exactly as sent, because clients match results by it; null when there is
    /// none.
    pub(in crate::serve) sent_id: Value,
    /// The event, or why it is refused.
    pub(in crate::serve) event: Result<Event, String>,
}

/// One acceptable event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) struct Event {
    /// Its project, a lower-case hyphenated UUID.
    pub(in crate::serve) project_uuid: String,
    /// Its normalised id, unique within the project.
    pub(in crate::serve) id: String,
    /// Its type (`WPStatusChanged`, …).
    pub(in crate::serve) kind: String,
    /// The envelope's JSON text, byte for byte as it was sent.
    pub(in crate::serve) envelope: Vec<u8>,
    /// The artifact it announces, when it is a `MissionDossierArtifactIndexed`.
    pub(in crate::serve) announces: Option<Artifact>,
    /// The digest of the content that it announces.
    pub(in crate::serve) content: Option<Sha256>,
    /// What it says something about, when it is any other dossier event that has a successor.
    pub(in crate::serve) about: Option<Subject>,
}

/// What dossier events of one family say something about, of which the newest word counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) struct Subject {
    /// The key that the events have in common.
    pub(in crate::serve) key: [u8; 16],
    /// Whose it is.
    pub(in crate::serve) namespace: NamespaceRef,
}

/// One artifact, whatever its content. A body is taken once its path was announced: the event of
/// the very version it belongs to may have been replaced by a later one before it was sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::serve) struct Artifact {
    pub(in crate::serve) namespace: NamespaceRef,
    pub(in crate::serve) path: String,
}

/// One version of one artifact: the seven fields that tell bodies apart, the hash algorithm being
/// SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::serve) struct ArtifactVersion {
    pub(in crate::serve) namespace: NamespaceRef,
    pub(in crate::serve) path: String,
    pub(in crate::serve) sha256: Sha256,
}

/// A body whose hash was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) struct Upload {
    pub(in crate::serve) version: ArtifactVersion,
    /// `None` where the sender believes that the text is here, of whatever artifact of the project.
    pub(in crate::serve) content: Option<String>,
}

/// The namespace with its project in the form projects are compared in.
pub(in crate::serve) fn normalized(namespace: NamespaceRef) -> NamespaceRef {
    match uuid::Uuid::parse_str(&namespace.project_uuid) {
        Ok(uuid) => NamespaceRef {
            project_uuid: uuid.to_string(),
            ..namespace
        },
        Err(_) => namespace,
    }
}
