//! `archive`: payloads into one portable file, marked as archived once the file is proved to hold
//! them.

use std::fs::File;
use std::io::Seek as _;
use std::path::{Path, PathBuf};

use super::archive_file::{Flaw, Trailer, read_archive};
use super::archive_writer::ArchiveWriter;
use crate::base::text::path as shown;
use crate::base::{Clock, Interrupt, Sha256, failpoint, files};
use crate::books::{self, Removed};
use crate::delivery::{self, Class, Target};
use crate::journal::{self, Document, Filter, Listed};
use crate::store::{ReadTx, Store};

/// Rows marked or released in one transaction.
const CHUNK: usize = 2000;

/// Which payloads to write, and where.
#[derive(Debug, Clone)]
pub(crate) struct ArchiveRequest<'a> {
    /// The new file.
    pub(crate) output: &'a Path,
    /// Only what the target of this id lacks; of no target, everything.
    pub(crate) lacking: Option<&'a str>,
    /// Afterwards give up what was archived: the archive has it.
    pub(crate) release: bool,
    /// Whose events these are.
    pub(crate) project_uuid: Option<&'a str>,
}

/// Why an archive could not be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    /// The books failed.
    #[error(transparent)]
    Books(#[from] books::Error),
    /// A file cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The output is there already.
    #[error("{} exists already; an archive is never overwritten", shown(.0))]
    Exists(PathBuf),
    /// The file is not a complete archive.
    #[error("{}: {flaw}", shown(.file))]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong, and where.
        #[source]
        flaw: Flaw,
    },
    /// The archive holds events of another project.
    #[error("{} holds events of the project {found}, and this is {own}", shown(.file))]
    Foreign {
        /// The file.
        file: PathBuf,
        /// Its project.
        found: String,
        /// The current project.
        own: String,
    },
    /// It was asked to stop.
    #[error("interrupted; no archive was written")]
    Interrupted,
}

impl From<Flaw> for ArchiveError {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Io(error) => Self::Io(error),
            flaw @ Flaw::At { .. } => Self::Damaged {
                file: PathBuf::new(),
                flaw,
            },
        }
    }
}

impl From<journal::Error> for ArchiveError {
    fn from(error: journal::Error) -> Self {
        Self::Books(error.into())
    }
}

impl From<crate::store::Error> for ArchiveError {
    fn from(error: crate::store::Error) -> Self {
        Self::Books(error.into())
    }
}

impl From<delivery::Error> for ArchiveError {
    fn from(error: delivery::Error) -> Self {
        Self::Books(error.into())
    }
}

impl ArchiveError {
    /// The same, where a flaw was found, with the file it was found in.
    pub(super) fn in_file(self, file: &Path) -> Self {
        match self {
            Self::Damaged { flaw, .. } => Self::Damaged {
                file: file.to_owned(),
                flaw,
            },
            other => other,
        }
    }
}

/// What was archived.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub(crate) struct Archived {
    /// Events written.
    pub(crate) events: u64,
    /// Versions of documents written, and how many of them without their text: only the file has
    /// it.
    pub(crate) documents: u64,
    /// See `documents`.
    pub(crate) without_text: u64,
    /// Their payload bytes.
    pub(crate) bytes: u64,
    /// Bytes of the file; 0 when none was written.
    pub(crate) file_bytes: u64,
    /// The digest in its last line.
    pub(crate) sha256: String,
    /// Events given up because the archive has them.
    pub(crate) released: i64,
    /// Events that stay left to send because they are in flight.
    pub(crate) in_flight: i64,
}

/// Counts what would be written. Changes nothing.
pub(crate) fn plan_archive(
    store: &Path,
    request: &ArchiveRequest<'_>,
) -> Result<Archived, ArchiveError> {
    let Some(store) = books::open_read(store)? else {
        return Ok(Archived::default());
    };
    store.read(|tx| {
        let mut archived = Archived::default();
        choose(tx, request, false, &mut |chosen| {
            archived.count(&chosen);
            Ok(())
        })?;
        Ok(archived)
    })
}

/// A row to archive.
struct Chosen {
    listed: Listed,
    /// Of a document: the event that announces it, and its text where that is kept.
    document: Option<(String, Option<Vec<u8>>)>,
    /// The target has it already: it is there for the documents that it announces.
    is_delivered: bool,
}

impl Archived {
    fn count(&mut self, chosen: &Chosen) {
        self.bytes += u64::try_from(chosen.listed.record.size).unwrap_or(0);
        match &chosen.document {
            None => self.events += 1,
            Some((_, text)) => {
                self.documents += 1;
                self.without_text += u64::from(text.is_none());
                self.bytes += text.as_ref().map_or(0, |text| text.len() as u64);
            }
        }
    }
}

/// Writes the archive next to its final name, syncs it, reads it again, gives it its name, and only
/// then marks the rows, or gives them up.
pub(crate) fn archive(
    store: &Path,
    request: &ArchiveRequest<'_>,
    clock: &dyn Clock,
    interrupt: &Interrupt,
) -> Result<Archived, ArchiveError> {
    if request.output.exists() {
        return Err(ArchiveError::Exists(request.output.to_owned()));
    }
    let mut store = books::open(store)?;
    let dir = request
        .output
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".sk-sync-archive-")
        .tempfile_in(dir)
        .map_err(|e| files::named(&e, "cannot create a file in", dir))?;
    let (mut archived, rows) = store
        .read(|tx| write(tx, request, file.as_file_mut(), interrupt))
        .map_err(|error| match error {
            ArchiveError::Io(error) => files::named(&error, "cannot write", request.output).into(),
            error => error,
        })?;
    file.as_file()
        .sync_all()
        .map_err(|e| files::named(&e, "cannot write", request.output))?;
    prove(file.as_file_mut(), &rows, &archived.sha256)
        .map_err(|error| error.in_file(request.output))?;
    archived.file_bytes = file.as_file().metadata()?.len();
    file.persist_noclobber(request.output)
        .map_err(|error| match error.error.kind() {
            std::io::ErrorKind::AlreadyExists => ArchiveError::Exists(request.output.to_owned()),
            _ => files::named(&error.error, "cannot write", request.output).into(),
        })?;
    sync_directory(dir)?;
    failpoint::at(failpoint::ARCHIVED);
    let seqs: Vec<i64> = rows
        .iter()
        .filter(|(_, is_delivered)| !is_delivered)
        .map(|(seq, _)| *seq)
        .collect();
    settle(&mut store, &seqs, request.release, clock, &mut archived)?;
    Ok(archived)
}

/// A row, and whether it stays as it is.
type Row = (i64, bool);

/// Writes what is chosen; returns the rows.
fn write(
    tx: &ReadTx<'_>,
    request: &ArchiveRequest<'_>,
    file: &mut File,
    interrupt: &Interrupt,
) -> Result<(Archived, Vec<Row>), ArchiveError> {
    let mut writer = ArchiveWriter::new(file);
    let (mut archived, mut rows) = (Archived::default(), Vec::new());
    choose(tx, request, true, &mut |chosen| {
        if interrupt.is_requested() {
            return Err(ArchiveError::Interrupted);
        }
        archived.count(&chosen);
        let Chosen {
            listed,
            document,
            is_delivered,
        } = chosen;
        rows.push((listed.record.seq, is_delivered));
        match document {
            None => writer.add(listed)?,
            Some((event, text)) => writer.add_document(listed, Some(&event), text)?,
        }
        Ok(())
    })?;
    let (_, trailer) = writer.finish(request.project_uuid, journal::lamport(tx)?)?;
    archived.sha256 = trailer.sha256;
    Ok((archived, rows))
}

/// Calls `take` for each live event that is asked for, in the order of the journal, and after it
/// for the documents that it announces.
fn choose(
    tx: &ReadTx<'_>,
    request: &ArchiveRequest<'_>,
    with_payload: bool,
    take: &mut dyn FnMut(Chosen) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let target = match request.lacking {
        Some(id) => delivery::current(tx, id)?,
        None => None,
    };
    journal::list(tx, &Filter::default(), with_payload, &mut |listed| {
        let record = &listed.record;
        let is_live =
            record.superseded_by.is_none() && record.discarded.is_none() && record.gone.is_none();
        if !is_live {
            return Ok(true);
        }
        let mut documents = Vec::new();
        for seq in journal::announced(tx, record.seq)? {
            if !has(tx, target.as_ref(), seq)? {
                documents.extend(document(tx, &record.event_id, seq)?);
            }
        }
        let is_delivered = has(tx, target.as_ref(), record.seq)?;
        if !is_delivered || !documents.is_empty() {
            take(Chosen {
                listed,
                document: None,
                is_delivered,
            })?;
        }
        documents.into_iter().try_for_each(&mut *take)?;
        Ok(true)
    })
}

/// The document of a row, with its text.
fn document(tx: &ReadTx<'_>, event_id: &str, seq: i64) -> Result<Option<Chosen>, ArchiveError> {
    let Some(listed) = journal::show_row(tx, seq)? else {
        return Ok(None);
    };
    let digest = listed
        .envelope
        .as_deref()
        .and_then(Document::from_bytes)
        .map(|document| document.sha256);
    let text = digest.map_or(Ok(None), |digest| journal::text(tx, digest))?;
    // A text that was damaged in the store is not what the row says.
    let text = text.filter(|text| Some(Sha256::of(text)) == digest);
    Ok(Some(Chosen {
        listed,
        document: Some((event_id.to_owned(), text)),
        is_delivered: false,
    }))
}

/// True when the target has the event.
fn has(tx: &ReadTx<'_>, target: Option<&Target>, seq: i64) -> Result<bool, ArchiveError> {
    let Some(target) = target else {
        return Ok(false);
    };
    Ok(delivery::row_of(tx, target.id, seq)?
        .is_some_and(|row| row.status.class() == Class::Delivered))
}

/// Reads the file again from its beginning: it must hold exactly these rows.
fn prove(file: &mut File, rows: &[Row], sha256: &str) -> Result<Trailer, ArchiveError> {
    file.rewind()?;
    let mut expected = rows.iter().map(|(seq, _)| *seq);
    let trailer = read_archive(file, None, &mut |seq, _| match expected.next() {
        Some(expected) if expected == seq => Ok(()),
        _ => Err(ArchiveError::Io(std::io::Error::other(
            "the archive does not hold what was written to it",
        ))),
    })?;
    if expected.next().is_some() || trailer.sha256 != sha256 {
        return Err(
            std::io::Error::other("the archive does not hold what was written to it").into(),
        );
    }
    Ok(trailer)
}

/// Marks the rows, and gives them up where that was asked for.
fn settle(
    store: &mut Store,
    seqs: &[i64],
    release: bool,
    clock: &dyn Clock,
    archived: &mut Archived,
) -> Result<(), ArchiveError> {
    for chunk in seqs.chunks(CHUNK) {
        let removed = store.write(|tx| {
            let now = clock.now();
            books::mark_archived(tx, now, chunk)?;
            if release {
                books::drain_to_file(tx, now, chunk)
            } else {
                Ok(Removed::default())
            }
        })?;
        archived.released += removed.events;
        archived.in_flight += removed.in_flight;
    }
    Ok(())
}

/// Makes a new name durable.
fn sync_directory(dir: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    File::open(dir)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}
