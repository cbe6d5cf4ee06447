//! Search over missions and the current versions of documents.

use super::scope::Scope;
use crate::base::Sha256;
use crate::serve::Error;
use crate::store::ReadTx;

/// The most words of a question that count.
const MOST_WORDS: usize = 12;

/// A mission, or a document of one, that has the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) struct Hit {
    pub(in crate::serve) project: String,
    pub(in crate::serve) project_name: String,
    pub(in crate::serve) mission: String,
    pub(in crate::serve) mission_name: String,
    /// `None` for the mission itself.
    pub(in crate::serve) path: Option<String>,
    /// The version that has the words.
    pub(in crate::serve) sha256: Option<Sha256>,
    pub(in crate::serve) is_gone: bool,
}

/// The words of a question.
pub(in crate::serve) fn words(question: &str) -> Vec<String> {
    let words = question
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words
        .take(MOST_WORDS)
        .map(|word| word.chars().take(64).collect())
        .collect()
}

/// What has all of these words, or words that begin with them; the best match first.
pub(in crate::serve) fn find(
    tx: &ReadTx<'_>,
    scope: &Scope,
    words: &[String],
    skip: i64,
    limit: i64,
) -> Result<Vec<Hit>, Error> {
    if words.is_empty() {
        return Ok(Vec::new());
    }
    // An announced digest alone shows no text: it may be that of another project's document.
    // Words have letters and digits alone, so that no word is an operator once it is quoted.
    let question: Vec<_> = words.iter().map(|word| format!("\"{word}\"*")).collect();
    let mut statement = tx.prepare(
        "SELECT p.uuid, p.name, m.slug, m.name, d.path,
           iif(EXISTS (SELECT 1 FROM serve_model_texts t WHERE t.project_id = m.project_id AND t.sha256 = d.sha256),
               d.sha256, NULL),
           coalesce(d.is_gone, 0)
         FROM serve_model_search s
         LEFT JOIN serve_model_documents d ON s.rowid % 2 = 0 AND d.document_id = s.rowid / 2
         JOIN serve_model_missions m ON m.mission_id = iif(s.rowid % 2 = 1, s.rowid / 2, d.mission_id)
         JOIN serve_model_projects p ON p.project_id = m.project_id
         WHERE serve_model_search MATCH ?1 AND (?2 IS NULL OR p.uuid = ?2) AND p.team = ?5
         ORDER BY bm25(serve_model_search, 8.0, 1.0) LIMIT ?3 OFFSET ?4",
    )?;
    let rows = statement.query_map(
        (question.join(" "), &scope.project, limit, skip, scope.team),
        |r| {
            let sha256: Option<[u8; 32]> = r.get(5)?;
            Ok(Hit {
                project: r.get(0)?,
                project_name: r.get(1)?,
                mission: r.get(2)?,
                mission_name: r.get(3)?,
                path: r.get(4)?,
                sha256: sha256.and_then(|bytes| Sha256::from_slice(&bytes)),
                is_gone: r.get(6)?,
            })
        },
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The part of a text around the first of these words, in one line.
pub(in crate::serve) fn excerpt(text: &str, words: &[String]) -> String {
    const AROUND: usize = 90;
    let lower = text.to_lowercase();
    // Lower case can have other lengths, so the place is counted in characters.
    let at = words
        .iter()
        .filter_map(|word| lower.find(&word.to_lowercase()))
        .min()
        .unwrap_or(0);
    let at = lower[..at].chars().count();
    let begin = at.saturating_sub(AROUND);
    let part: String = text.chars().skip(begin).take(AROUND * 2 + 20).collect();
    let line = part.split_whitespace().collect::<Vec<_>>().join(" ");
    if begin > 0 {
        format!("… {line} …")
    } else {
        format!("{line} …")
    }
}
