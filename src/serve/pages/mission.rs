//! The page of a mission: board, documents, timeline.

use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};

use super::layout::{bar, by_work, count, known, lane, page, size, told, when};
use super::links;
use super::listing::lines;
use super::visit::Visit;
use crate::base::text::{printable, shorten};
use crate::serve::model::{self, Document, Mission, Project, Work};

/// Documents of one page.
const DOCUMENTS: i64 = 200;
/// Lines of the timeline.
const LINES: i64 = 50;
/// Lanes that a board always has.
const ALWAYS: [&str; 5] = ["planned", "in_progress", "for_review", "approved", "done"];
/// The most characters of a path in a list; the address has all of them.
const PATH: usize = 300;

pub(super) async fn mission(visit: Visit, Path(uuid): Path<String>) -> Response {
    let (slug, after) = (
        visit.get("slug").to_owned(),
        visit.get("documents").to_owned(),
    );
    let asked = visit.ask(move |tx, scope| {
        let Some(project) = model::project(tx, scope, &uuid)? else {
            return Ok(None);
        };
        let Some(mission) = model::mission(tx, project.id, &slug)? else {
            return Ok(None);
        };
        let work = model::work(tx, mission.id)?;
        let documents = model::documents(tx, mission.id, &after, DOCUMENTS)?;
        let lines = model::activity(tx, model::Of::Mission(mission.id), None, LINES)?;
        Ok(Some((project, mission, work, documents, lines)))
    });
    let (project, mission, work, documents, activity) = match asked.await {
        Ok(Some(found)) => found,
        Ok(None) => return visit.nothing("There is no such mission."),
        Err(_) => return visit.trouble(),
    };
    let title = if mission.name.is_empty() {
        &mission.slug
    } else {
        &mission.name
    };
    let body = html! {
        (facts(&visit, &mission))
        section aria-labelledby="board" { h2 id="board" { "Work packages" } (board(&mission, &work)) }
        section aria-labelledby="documents" { h2 id="documents" { "Documents" } (document_list(&visit, &project, &mission, &documents)) }
        section aria-labelledby="timeline" {
            h2 id="timeline" { "Timeline" }
            @if activity.is_empty() { p { "No activity." } } @else { (lines(&visit, &activity, false, false)) }
        }
    };
    let way = [
        ("Projects".to_owned(), "/".to_owned()),
        (project.title().to_owned(), links::project(&project.uuid)),
    ];
    visit.page(page(&visit, title, &way, true, &body))
}

fn facts(visit: &Visit, mission: &Mission) -> Markup {
    html! {
        p.facts {
            code { (printable(&mission.slug)) }
            @if !mission.kind.is_empty() { " · " (printable(&mission.kind)) }
            @if !mission.branch.is_empty() { " · into " code { (printable(&mission.branch)) } }
            " · last activity " (when(visit, mission.last_at))
        }
        @if let Some(missing) = mission.required_missing.filter(|number| *number > 0) {
            p.note { "The newest snapshot says that " (count(missing, "required document is", "required documents are")) " missing." }
        }
        @if let Some(counted) = mission.artifacts.filter(|counted| *counted < mission.documents) {
            p.note { "The newest snapshot counts " (count(counted, "document", "documents")) " of the "
                (mission.documents) " below: others were deleted or renamed." }
        }
    }
}

fn board(mission: &Mission, work: &[Work]) -> Markup {
    if work.is_empty() {
        return html! {
            @if mission.boxes.0 > 0 {
                p { (mission.boxes.1) " of " (count(mission.boxes.0, "task is", "tasks are")) " ticked in the documents." }
                div.wide { (bar(&[], mission.boxes)) }
            } @else { p { "No events about work packages were received, and no document has task boxes." } }
        };
    }
    let mut lanes: Vec<(String, Vec<&Work>)> = ALWAYS
        .iter()
        .map(|name| ((*name).to_owned(), Vec::new()))
        .collect();
    for item in work {
        match lanes.iter_mut().find(|(name, _)| *name == item.lane) {
            Some((_, items)) => items.push(item),
            None => lanes.push((item.lane.clone(), vec![item])),
        }
    }
    html! {
        div.board tabindex="0" role="region" aria-label="Board" {
            @for (name, items) in by_work(lanes) {
                section.column aria-label=(lane(&name)) {
                    h3 { span class={ "dot lane-" (known(&name)) } {} (lane(&name)) " " span.number { (items.len()) } }
                    ul { @for item in items {
                        li.card {
                            strong { (printable(&item.wp)) }
                            @if !item.title.is_empty() { span.title { (printable(&item.title)) } }
                            @if !item.actor.is_empty() { span.who { (printable(&item.actor)) } }
                            @if !item.told.is_empty() { span.who { (told(&item.told)) } }
                        }
                    } }
                }
            }
        }
    }
}

fn document_list(
    visit: &Visit,
    project: &Project,
    mission: &Mission,
    documents: &[Document],
) -> Markup {
    html! {
        @if documents.is_empty() { p { "No documents." } } @else {
            div.scroll tabindex="0" role="region" aria-label="Documents" { table {
                thead { tr {
                    th scope="col" { "Path" } th scope="col" { "Kind" } th scope="col" { "Size" } th scope="col" { "Versions" } th scope="col" { "Changed" }
                } }
                tbody { @for document in documents {
                    tr class=[document.is_gone.then_some("gone")] {
                        th scope="row" {
                            a href=(links::document(&project.uuid, &mission.slug, &document.path)) { (printable(&shorten(&document.path, PATH))) }
                            (badges(document))
                        }
                        td { (printable(&document.class)) }
                        td { @if document.sha256.is_some() { (size(document.size)) } }
                        td { (document.versions) }
                        td { (when(visit, document.at)) }
                    }
                } }
            } }
            @if let Some(last) = documents.last().filter(|_| documents.len() >= 200) {
                p { a rel="next" href=(links::more_documents(&project.uuid, &mission.slug, &last.path)) { "More documents" } }
            }
        }
    }
}

/// What is notable about a document.
pub(super) fn badges(document: &Document) -> Markup {
    html! {
        @match (document.is_gone, document.sha256) {
            (true, Some(_)) => { " " span.badge.warn { "gone" } }
            (true, None) => { " " span.badge.warn { "missing" } }
            _ => {}
        }
        @if document.is_required { " " span.badge { "required" } }
        @if document.sha256.is_some() && !document.has_text { " " span.badge { "no text" } }
        @if document.boxes.0 > 0 { " " span.badge { (document.boxes.1) "/" (document.boxes.0) " tasks" } }
    }
}
