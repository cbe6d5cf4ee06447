//! A look at the pages without a repository: three missions of a harbour, part of the program.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::engine::token::OWN_TEAM;
use super::engine::{Content, Engine, Request};
use super::wire::{batch, upload};
use crate::event::BatchForm;

/// What clients would have sent.
const DEMO: &str = include_str!("demo.json");

#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    #[serde(borrow)]
    documents: Vec<&'a RawValue>,
}

/// Keeps the missions in an engine as if they had been sent. The error says what was not taken.
pub(super) async fn fill(engine: &dyn Engine) -> Result<(), String> {
    let sent: Sent<'_> = serde_json::from_str(DEMO).map_err(|e| e.to_string())?;
    let events = json!({"events": sent.events}).to_string();
    let entries = batch::read(events.as_bytes(), BatchForm::Plain, sent.events.len());
    let mut contents = vec![Content::Events(entries.map_err(|e| format!("{e:?}"))?)];
    for document in sent.documents {
        let upload =
            upload::read(document.get().as_bytes()).map_err(|answer| answer.body.to_string())?;
        contents.push(Content::Body(upload));
    }
    for content in contents {
        let kept = engine
            .keep(Request {
                team: OWN_TEAM,
                content,
                key: None,
            })
            .await;
        kept.map_err(|trouble| format!("{trouble:?}"))?;
    }
    Ok(())
}
