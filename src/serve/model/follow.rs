//! Reading the feeds, and the texts that the search needs.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::OptionalExtension as _;

use super::changes::Changes;
use super::fact::boxes;
use super::fold::Fold;
use super::tables::Model;
use crate::base::Sha256;
use crate::base::mutex::held;
use crate::serve::Error;
use crate::serve::engine::arrivals::Arrival;
use crate::serve::engine::{Engine, Trouble};
use crate::store::WriteTx;

/// How often the feeds are looked at. One cheap question, whatever the number of readers.
const EVERY: Duration = Duration::from_millis(500);
/// The longest pause while the storage does not answer.
const LONGEST: Duration = Duration::from_secs(30);
/// Texts that are read for one transaction.
const TEXTS: i64 = 32;

/// Follows the feeds for as long as the receiver runs.
pub(in crate::serve) async fn follow(model: Arc<Model>, engine: Arc<dyn Engine>) {
    let mut pause = EVERY;
    loop {
        match model.catch_up(engine.as_ref()).await {
            Ok(()) => pause = EVERY,
            // The engine has said why.
            Err(_) => pause = (pause * 2).min(LONGEST),
        }
        tokio::time::sleep(pause).await;
    }
}

/// A document whose text is to be searched.
struct Unread {
    document: i64,
    team: i32,
    project: String,
    path: String,
    sha256: Sha256,
}

impl Model {
    /// Brings the tables up to the heads of the feeds.
    pub(in crate::serve) async fn catch_up(
        self: &Arc<Self>,
        engine: &dyn Engine,
    ) -> Result<(), Trouble> {
        let heads = engine.heads().await?;
        let era = Arc::<str>::from(heads.era);
        let begun = Arc::clone(&era);
        let (cursors, is_again) = self.write(move |tx| begin(tx, &begun)).await?;
        if is_again {
            self.changes.send_modify(Changes::everything);
        }
        for (stream, head) in heads.streams {
            let mut after = cursors.get(&stream).copied().unwrap_or(0);
            while after < head {
                let rows = engine.feed(&stream, after).await?;
                let touched: BTreeSet<_> = rows
                    .iter()
                    .map(|row| (row.team, row.item.project().to_owned()))
                    .collect();
                after = self.fold(&era, (&stream, after, head), rows).await?;
                self.tell(&touched);
                self.read_texts(engine).await?;
            }
        }
        self.read_texts(engine).await
    }

    /// Folds rows and moves the cursor in one transaction; gives the new position. Where another
    /// receiver on the same file was faster, its position stands.
    async fn fold(
        self: &Arc<Self>,
        era: &Arc<str>,
        (stream, after, head): (&str, i64, i64),
        rows: Vec<Arrival>,
    ) -> Result<i64, Trouble> {
        let (stream, era) = (stream.to_owned(), Arc::clone(era));
        self.write(move |tx| {
            if known_era(tx)?.as_deref() != Some(&*era) {
                // Another receiver on this file began again; these rows may be deleted ones.
                return Ok(head);
            }
            let mut cursor = tx.prepare("SELECT seq FROM serve_model_cursors WHERE stream = ?1")?;
            let found: i64 = cursor.query_row([&stream], |r| r.get(0)).optional()?.unwrap_or(0);
            if found != after {
                return Ok(found);
            }
            let mut fold = Fold::into(tx);
            rows.iter().try_for_each(|row| fold.row(row))?;
            // A feed that ends before its head has gaps there: numbers that were given out and not
            // used.
            let to = rows.last().map_or(head, |row| row.seq);
            fold.execute(
                "INSERT INTO serve_model_cursors (stream, seq) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET seq = excluded.seq",
                (&stream, to),
            )?;
            Ok(to)
        })
        .await
    }

    /// Reads the texts that came, for the search and the task boxes.
    async fn read_texts(self: &Arc<Self>, engine: &dyn Engine) -> Result<(), Trouble> {
        loop {
            let unread = self.ask(unread).await?;
            if unread.is_empty() {
                return Ok(());
            }
            let mut texts = Vec::with_capacity(unread.len());
            let touched = unread
                .iter()
                .map(|document| (document.team, document.project.clone()))
                .collect();
            for document in unread {
                let text = engine
                    .text(document.team, &document.project, document.sha256)
                    .await?;
                texts.push((document, text));
            }
            self.write(move |tx| {
                texts
                    .iter()
                    .try_for_each(|(document, text)| take_text(tx, document, text.as_deref()))
            })
            .await?;
            self.tell(&touched);
        }
    }

    /// Tells open pages that these projects changed.
    fn tell(&self, projects: &BTreeSet<(i32, String)>) {
        self.changes.send_modify(|changes| {
            for (team, uuid) in projects {
                changes.project(*team, uuid);
            }
        });
    }

    /// Forgets everything, so that it is read again from the beginning.
    pub(in crate::serve) fn rebuild(&self) -> Result<(), Error> {
        held(&self.writer).write(clear)
    }
}

fn known_era(tx: &WriteTx<'_>) -> Result<Option<String>, Error> {
    Ok(tx.first(
        "SELECT value FROM serve_model_settings WHERE name = 'era'",
        [],
        |r| r.get(0),
    )?)
}

/// How far each feed was read, and true if that is from the beginning again: rows were deleted from
/// the storage.
fn begin(tx: &WriteTx<'_>, era: &str) -> Result<(HashMap<String, i64>, bool), Error> {
    let known = known_era(tx)?;
    if known.as_deref() != Some(era) {
        clear(tx)?;
        tx.prepare("INSERT INTO serve_model_settings (name, value) VALUES ('era', ?1)")?
            .execute([era])?;
    }
    let mut cursors = tx.prepare("SELECT stream, seq FROM serve_model_cursors")?;
    let rows = cursors.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok((
        rows.collect::<Result<_, _>>()?,
        known.is_some_and(|known| known != era),
    ))
}

fn clear(tx: &WriteTx<'_>) -> Result<(), Error> {
    tx.conn().execute_batch(
        "DELETE FROM serve_model_activity; DELETE FROM serve_model_unread; DELETE FROM serve_model_texts;
         DELETE FROM serve_model_versions; DELETE FROM serve_model_documents; DELETE FROM serve_model_work;
         DELETE FROM serve_model_missions; DELETE FROM serve_model_projects; DELETE FROM serve_model_cursors;
         DELETE FROM serve_model_settings; INSERT INTO serve_model_search (serve_model_search) VALUES ('delete-all');",
    )?;
    Ok(())
}

fn unread(tx: &crate::store::ReadTx<'_>) -> Result<Vec<Unread>, Error> {
    let mut statement = tx.prepare(
        "SELECT document_id, uuid, path, sha256, team FROM serve_model_unread JOIN serve_model_documents USING (document_id)
         JOIN serve_model_missions USING (mission_id) JOIN serve_model_projects USING (project_id)
         WHERE sha256 IS NOT NULL ORDER BY document_id LIMIT ?1",
    )?;
    let rows = statement.query_map([TEXTS], |r| {
        let sha256: [u8; 32] = r.get(3)?;
        let sha256 = Sha256::from_slice(&sha256).unwrap_or_else(|| Sha256::of(b""));
        Ok(Unread {
            document: r.get(0)?,
            team: r.get(4)?,
            project: r.get(1)?,
            path: r.get(2)?,
            sha256,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn take_text(tx: &WriteTx<'_>, document: &Unread, text: Option<&str>) -> Result<(), Error> {
    let fold = Fold::into(tx);
    fold.execute(
        "DELETE FROM serve_model_unread WHERE document_id = ?1",
        [document.document],
    )?;
    let (boxes, done) = boxes(text.unwrap_or_default());
    fold.execute(
        "UPDATE serve_model_documents SET boxes = ?2, boxes_done = ?3 WHERE document_id = ?1 AND sha256 = ?4",
        (document.document, boxes, done, document.sha256.as_bytes()),
    )?;
    fold.index(
        document.document * 2,
        &document.path,
        text.unwrap_or_default(),
    )
}
