//! `restore`: imports the events and documents of an archive into the journal.

use std::fs::File;
use std::io::Seek as _;
use std::path::Path;

use super::archive::ArchiveError;
use super::archive_file::{Item, Trailer, read_archive};
use crate::base::{Clock, Interrupt, files};
use crate::books::{self, Restorable, RestorableDocument, Restored};
use crate::store::Store;

/// Events restored in one transaction.
const CHUNK: usize = 1000;
/// Payload bytes after which a transaction ends.
const CHUNK_BYTES: usize = 8 << 20;

/// Result of a restore.
#[derive(Debug, Clone)]
pub(crate) struct RestoreReport {
    /// The last line of the archive.
    pub(crate) trailer: Trailer,
    /// Result for its events.
    pub(crate) restored: Restored,
    /// True if it was interrupted; restored events stay, and another call continues.
    pub(crate) was_interrupted: bool,
}

/// Reads and checks the whole archive; writes nothing.
pub(crate) fn check_archive(
    file: &Path,
    project_uuid: Option<&str>,
) -> Result<Trailer, ArchiveError> {
    check(&mut open(file)?, file, project_uuid)
}

/// Checks the whole archive first, then restores its events, a bounded number in each transaction.
/// Existing events are unchanged, so a second restore changes nothing.
pub(crate) fn restore_archive(
    store: &Path,
    file: &Path,
    project_uuid: Option<&str>,
    clock: &dyn Clock,
    interrupt: &Interrupt,
) -> Result<RestoreReport, ArchiveError> {
    let mut archive = open(file)?;
    let trailer = check(&mut archive, file, project_uuid)?;
    archive.rewind()?;
    let mut taking = Taking {
        store: books::open(store)?,
        lamport: trailer.lamport,
        clock,
        interrupt,
        waiting: Vec::new(),
        documents: Vec::new(),
        bytes: 0,
        restored: Restored::default(),
    };
    // The file stays open: the bytes read now were checked, and are checked again.
    let read = read_archive(&archive, project_uuid, &mut |_, item| taking.take(item));
    let was_interrupted = match read {
        Ok(_) => taking.flush().map(|()| false)?,
        Err(ArchiveError::Interrupted) => true,
        Err(error) => return Err(error.in_file(file)),
    };
    Ok(RestoreReport {
        trailer,
        restored: taking.restored,
        was_interrupted,
    })
}

fn open(file: &Path) -> Result<File, ArchiveError> {
    Ok(files::open_regular(file).map_err(|error| files::named(&error, "cannot read", file))?)
}

fn check(
    archive: &mut File,
    file: &Path,
    project_uuid: Option<&str>,
) -> Result<Trailer, ArchiveError> {
    let trailer = read_archive(archive, project_uuid, &mut |_, _| Ok(()));
    let trailer = trailer.map_err(|error: ArchiveError| error.in_file(file))?;
    match (&trailer.project_uuid, project_uuid) {
        (Some(found), Some(own)) if !found.eq_ignore_ascii_case(own) => {
            Err(ArchiveError::Foreign {
                file: file.to_owned(),
                found: found.clone(),
                own: own.to_owned(),
            })
        }
        _ => Ok(trailer),
    }
}

/// Events to be restored.
struct Taking<'a> {
    store: Store,
    lamport: i64,
    clock: &'a dyn Clock,
    interrupt: &'a Interrupt,
    waiting: Vec<Restorable>,
    /// Documents, each restored after the event that announces it.
    documents: Vec<RestorableDocument>,
    bytes: usize,
    restored: Restored,
}

impl Taking<'_> {
    fn take(&mut self, item: Item) -> Result<(), ArchiveError> {
        match item {
            Item::Event(event) => {
                self.bytes += event.envelope.len();
                self.waiting.push(event);
            }
            Item::Document(document) => {
                self.bytes += document.text.as_ref().map_or(0, Vec::len);
                self.documents.push(document);
            }
        }
        if self.waiting.len() + self.documents.len() >= CHUNK || self.bytes >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ArchiveError> {
        if self.interrupt.is_requested() {
            return Err(ArchiveError::Interrupted);
        }
        let (events, now, lamport) = (
            std::mem::take(&mut self.waiting),
            self.clock.now(),
            self.lamport,
        );
        self.bytes = 0;
        let documents = std::mem::take(&mut self.documents);
        let restored = self.store.write(|tx| {
            let restored = books::restore(tx, now, &events, lamport)?;
            Ok::<_, books::Error>(Restored {
                documents: books::restore_documents(tx, now, &documents)?,
                ..restored
            })
        })?;
        let all = &mut self.restored;
        for (sum, part) in [
            (&mut all.added, restored.added),
            (&mut all.returned, restored.returned),
            (&mut all.unchanged, restored.unchanged),
            (&mut all.conflicts, restored.conflicts),
            (&mut all.purged, restored.purged),
            (&mut all.documents, restored.documents),
        ] {
            *sum += part;
        }
        Ok(())
    }
}
