//! Search, activity, and the Atom feed.

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use maud::{Markup, PreEscaped, html};

use super::layout::{page, told, when};
use super::links;
use super::text::without_front_matter;
use super::visit::Visit;
use crate::base::Timestamp;
use crate::base::text::{printable, shorten};
use crate::serve::model::{self, Activity, Hit, Of, Project};
use crate::serve::wire::tagged::tagged;

/// Lines of activity of one page.
const LINES: i64 = 100;
/// Entries of a feed.
const ENTRIES: i64 = 50;
/// Results of one page of the search.
const HITS: i64 = 20;
/// As far as results are counted.
const MOST_HITS: i64 = 1000;

/// Lines of activity. `has_project`: each line says its project; `has_mission`: and its mission.
pub(super) fn lines(
    visit: &Visit,
    lines: &[Activity],
    has_project: bool,
    has_mission: bool,
) -> Markup {
    html! {
        ol.activity { @for line in lines {
            li {
                span.what { (words(line)) }
                span.where {
                    @if let Some(mission) = line.mission.as_ref().filter(|_| has_mission) {
                        a href=(links::mission(&line.project, mission)) { (printable(&shorten(mission, 200))) } " · "
                    }
                    @if has_project {
                        a href=(links::project(&line.project)) { (printable(if line.project_name.is_empty() { &line.project } else { &line.project_name })) } " · "
                    }
                    @if !line.actor.is_empty() { (printable(&line.actor)) " · " }
                    (when(visit, line.at))
                    @if !line.told.is_empty() { " · told " (told(&line.told)) }
                }
            }
        } }
    }
}

/// What a line says: in words for the kinds that are known, else the event's type as it is.
fn words(line: &Activity) -> Markup {
    let subject = printable(&line.subject);
    let what = printable(&line.what);
    html! {
        @match (line.kind.as_str(), line.mission.as_deref()) {
            ("MissionDossierArtifactIndexed" | "MissionDossierArtifactMissing", Some(mission)) => {
                a href=(links::document(&line.project, mission, &line.subject)) { (subject) } " " (what)
            }
            ("WPStatusChanged", _) => { strong { (subject) } " " (what) }
            (kind, _) => { code { (printable(kind)) } " " (subject) @if !what.is_empty() { ": " (what) } }
        }
    }
}

pub(super) async fn activity(visit: Visit) -> Response {
    let before: Option<i64> = visit.parsed("before");
    let asked = visit.ask(move |tx, scope| match &scope.project {
        // A reader of one project sees that one.
        Some(uuid) => match model::project(tx, scope, uuid)? {
            Some(project) => model::activity(tx, Of::Project(project.id), before, LINES),
            None => Ok(Vec::new()),
        },
        None => model::activity(tx, Of::Team(scope.team), before, LINES),
    });
    let Ok(found) = asked.await else {
        return visit.trouble();
    };
    let next = found.last().map(|last| {
        if visit.scope.project.is_some() {
            last.seq
        } else {
            last.id
        }
    });
    let body = list(&visit, &found, None, next);
    visit.page(page(
        &visit,
        "Activity",
        &[("Projects".to_owned(), "/".to_owned())],
        before.is_none(),
        &body,
    ))
}

pub(super) async fn project_activity(visit: Visit, Path(uuid): Path<String>) -> Response {
    let before: Option<i64> = visit.parsed("before");
    let (project, found) = match of_project(&visit, uuid, before, LINES).await {
        Ok(Some(found)) => found,
        Ok(None) => return visit.nothing("There is no such project."),
        Err(()) => return visit.trouble(),
    };
    let body = list(
        &visit,
        &found,
        Some(&project),
        found.last().map(|last| last.seq),
    );
    let way = [
        ("Projects".to_owned(), "/".to_owned()),
        (project.title().to_owned(), links::project(&project.uuid)),
    ];
    visit.page(page(&visit, "Activity", &way, before.is_none(), &body))
}

fn list(visit: &Visit, found: &[Activity], project: Option<&Project>, next: Option<i64>) -> Markup {
    html! {
        @if found.is_empty() { p { "No activity." } } @else { (lines(visit, found, project.is_none(), true)) }
        @if let Some(next) = next.filter(|_| found.len() >= 100) {
            p { a rel="next" href=(links::activity(project.map(|project| project.uuid.as_str()), &next.to_string())) { "Earlier activity" } }
        }
    }
}

async fn of_project(
    visit: &Visit,
    uuid: String,
    before: Option<i64>,
    limit: i64,
) -> Result<Option<(Project, Vec<Activity>)>, ()> {
    let asked = visit.ask(move |tx, scope| {
        let Some(project) = model::project(tx, scope, &uuid)? else {
            return Ok(None);
        };
        let found = model::activity(tx, Of::Project(project.id), before, limit)?;
        Ok(Some((project, found)))
    });
    asked.await.map_err(drop)
}

pub(super) async fn feed(visit: Visit) -> Response {
    if let Some(uuid) = visit.scope.project.clone() {
        return project_feed(visit, Path(uuid)).await;
    }
    match visit
        .ask(|tx, scope| model::activity(tx, Of::Team(scope.team), None, ENTRIES))
        .await
    {
        Ok(found) => atom(
            &visit,
            "sk-sync",
            "urn:sk-sync:activity",
            "/activity",
            &found,
        ),
        Err(_) => visit.trouble(),
    }
}

pub(super) async fn project_feed(visit: Visit, Path(uuid): Path<String>) -> Response {
    match of_project(&visit, uuid, None, ENTRIES).await {
        Ok(Some((project, found))) => {
            let id = format!("urn:uuid:{}", project.uuid);
            atom(
                &visit,
                project.title(),
                &id,
                &links::project(&project.uuid),
                &found,
            )
        }
        Ok(None) => visit.nothing("There is no such project."),
        Err(()) => visit.trouble(),
    }
}

/// An Atom feed. Links are relative to its own address, so that it is right behind any proxy.
fn atom(visit: &Visit, title: &str, id: &str, page: &str, found: &[Activity]) -> Response {
    let moment = |at: i64| Timestamp::from_micros(at).to_string();
    let title = printable(title);
    let entries = html! { @for line in found {
        entry {
            id { "urn:sk-sync:" (line.project) ":" (line.event_id) }
            title { (printable(&line.subject)) " " (printable(if line.what.is_empty() { &line.kind } else { &line.what })) }
            updated { (moment(line.at)) }
            author { name { (if line.actor.is_empty() { "unknown".to_owned() } else { printable(&line.actor) }) } }
            link rel="alternate" href=(line.mission.as_deref().map_or_else(|| links::project(&line.project), |mission| links::mission(&line.project, mission))) {}
            @if let Some(mission) = &line.mission { summary { (printable(mission)) } }
        }
    } };
    let body = html! {
        (PreEscaped("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"))
        feed xmlns="http://www.w3.org/2005/Atom" {
            id { (id) }
            title { (title) }
            updated { (moment(found.first().map_or(0, |line| line.at))) }
            link rel="self" href=(visit.target) {}
            link rel="alternate" href=(page) {}
            (entries)
        }
    };
    let mut response = tagged(
        &visit.headers,
        "application/atom+xml; charset=utf-8",
        body.into_string().into_bytes(),
    );
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    response
}

pub(super) async fn search(visit: Visit) -> Response {
    let words = model::words(visit.get("q"));
    let skip = visit.parsed("skip").unwrap_or(0).clamp(0, MOST_HITS);
    let asked = words.clone();
    let Ok(hits) = visit
        .ask(move |tx, scope| model::find(tx, scope, &asked, skip, HITS))
        .await
    else {
        return visit.trouble();
    };
    let mut results = Vec::new();
    for hit in hits {
        let text = match hit.sha256 {
            Some(sha256) => visit.text(&hit.project, sha256).await.unwrap_or(None),
            None => None,
        };
        let excerpt = text
            .map(|text| model::excerpt(without_front_matter(&text), &words))
            .unwrap_or_default();
        results.push((hit, excerpt));
    }
    let body = html! {
        @if words.is_empty() { p { "Enter words that missions and documents have." } }
        @else if results.is_empty() { p role="status" { "No matches." } }
        @else { ol.results { @for (hit, excerpt) in &results { (result(hit, excerpt)) } } }
        @if results.len() >= 20 && skip + HITS < MOST_HITS {
            p { a rel="next" href=(links::search(visit.get("q"), &(skip + HITS).to_string())) { "More results" } }
        }
    };
    visit.page(page(
        &visit,
        "Search",
        &[("Projects".to_owned(), "/".to_owned())],
        false,
        &body,
    ))
}

fn result(hit: &Hit, excerpt: &str) -> Markup {
    let mission = if hit.mission_name.is_empty() {
        &hit.mission
    } else {
        &hit.mission_name
    };
    let project = if hit.project_name.is_empty() {
        &hit.project
    } else {
        &hit.project_name
    };
    html! {
        li {
            @match &hit.path {
                Some(path) => a href=(links::document(&hit.project, &hit.mission, path)) { (printable(&shorten(path, 300))) },
                None => a href=(links::mission(&hit.project, &hit.mission)) { (printable(mission)) },
            }
            @if hit.is_gone { " " span.badge.warn { "gone" } }
            span.where {
                @if hit.path.is_some() { a href=(links::mission(&hit.project, &hit.mission)) { (printable(mission)) } " · " }
                a href=(links::project(&hit.project)) { (printable(project)) }
            }
            @if !excerpt.is_empty() { p { (printable(excerpt)) } }
        }
    }
}
