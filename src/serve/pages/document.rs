//! The page of a document: rendered, raw, its versions, and the difference between two of them.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};

use super::layout::{page, size, told, when};
use super::mission::badges;
use super::visit::Visit;
use super::{links, text};
use crate::base::Sha256;
use crate::base::text::{printable, shorten};
use crate::serve::model::{self, Document, Held, Mission, Project};
use crate::serve::wire::tagged::tagged;

/// A document with what it belongs to.
struct Found {
    project: Project,
    mission: Mission,
    document: Document,
    versions: Vec<Held>,
}

pub(super) async fn document(visit: Visit, Path(uuid): Path<String>) -> Response {
    let (slug, path) = (
        visit.get("mission").to_owned(),
        visit.get("path").to_owned(),
    );
    let asked = visit.ask(move |tx, scope| {
        let Some(project) = model::project(tx, scope, &uuid)? else {
            return Ok(None);
        };
        let Some(mission) = model::mission(tx, project.id, &slug)? else {
            return Ok(None);
        };
        let Some(document) = model::document(tx, mission.id, &path)? else {
            return Ok(None);
        };
        let versions = model::versions(tx, document.id)?;
        Ok(Some(Found {
            project,
            mission,
            document,
            versions,
        }))
    });
    let found = match asked.await {
        Ok(Some(found)) => found,
        Ok(None) => return visit.nothing("There is no such document."),
        Err(_) => return visit.trouble(),
    };
    let wanted = match visit.get("version") {
        "" => found.document.sha256,
        version => Sha256::from_hex(version),
    };
    let version =
        wanted.and_then(|wanted| found.versions.iter().find(|held| held.sha256 == wanted));
    if version.is_none() && !visit.get("version").is_empty() {
        return visit.nothing("The document has no such version.");
    }
    let Ok(content) = content(&visit, &found, version).await else {
        return visit.trouble();
    };
    match visit.get("view") {
        "raw" => raw(&visit, &found, content),
        "diff" => diff(&visit, &found, version, content.as_deref()).await,
        _ => {
            let shown = if let Some(content) = &content {
                text::rendered(
                    content,
                    &found.document.path,
                    &found.project.uuid,
                    &found.mission.slug,
                )
            } else {
                html! { p.note { (why_no_text(&found.document)) } }
            };
            show(&visit, &found, version, "", &shown)
        }
    }
}

async fn content(
    visit: &Visit,
    found: &Found,
    version: Option<&Held>,
) -> Result<Option<String>, ()> {
    match version.filter(|held| held.has_text) {
        Some(held) => visit
            .text(&found.project.uuid, held.sha256)
            .await
            .map_err(drop),
        None => Ok(None),
    }
}

fn why_no_text(document: &Document) -> &'static str {
    match document.sha256 {
        None => "This required document is missing.",
        Some(_) => "The text of this version was not sent: only its digest and size are known.",
    }
}

fn show(
    visit: &Visit,
    found: &Found,
    version: Option<&Held>,
    view: &str,
    shown: &Markup,
) -> Response {
    let Found {
        project,
        mission,
        document,
        versions,
    } = found;
    let chosen = version
        .map(|held| held.sha256.to_string())
        .filter(|_| !visit.get("version").is_empty());
    let chosen = chosen.as_deref().unwrap_or_default();
    let link = |view: &str| {
        links::view(
            &project.uuid,
            &mission.slug,
            &document.path,
            &[("view", view), ("version", chosen)],
        )
    };
    let tab = |name: &str, words: &str| html! { a href=(link(name)) aria-current=[(name == view).then_some("page")] { (words) } };
    let body = html! {
        p.facts {
            (size(version.map_or(document.size, |held| held.size))) (badges(document))
            @if let Some(held) = version { (from(visit, held)) }
        }
        nav.tabs aria-label="Views" { (tab("", "Rendered")) (tab("raw", "Raw")) @if versions.len() > 1 { (tab("diff", "Changes")) } }
        (shown)
        section aria-labelledby="versions" { h2 id="versions" { "Versions" } (version_list(visit, found)) }
    };
    let way = [
        ("Projects".to_owned(), "/".to_owned()),
        (project.title().to_owned(), links::project(&project.uuid)),
        (
            mission.slug.clone(),
            links::mission(&project.uuid, &mission.slug),
        ),
    ];
    let is_live = visit.get("version").is_empty();
    visit.page(page(
        visit,
        &shorten(&document.path, 300),
        &way,
        is_live,
        &body,
    ))
}

/// Where a version was delivered from.
fn from(visit: &Visit, held: &Held) -> Markup {
    html! {
        " · delivered " (when(visit, held.at))
        @if !held.branch.is_empty() { " from " code { (printable(&held.branch)) } }
        @if !held.commit.is_empty() { " at " code { (printable(&shorten(&held.commit, 12))) } }
        @if !held.node.is_empty() { " by node " code { (printable(&held.node)) } }
    }
}

fn version_list(visit: &Visit, found: &Found) -> Markup {
    let Found {
        project,
        mission,
        document,
        versions,
    } = found;
    let link =
        |how: &[(&str, &str)]| links::view(&project.uuid, &mission.slug, &document.path, how);
    html! {
        @if versions.is_empty() { p { "No version was delivered." } } @else {
            ol.versions { @for (at, held) in versions.iter().enumerate() {
                @let digest = held.sha256.to_string();
                li {
                    a href=(link(&[("version", &digest)])) { code { (digest[..12]) } }
                    @if Some(held.sha256) == document.sha256 { " " span.badge { "current" } }
                    " " (size(held.size)) (from(visit, held)) " · told " (told(&held.told))
                    @if !held.has_text { " · no text" }
                    @if let Some(before) = versions.get(at + 1).filter(|before| before.has_text && held.has_text) {
                        " · " a href=(link(&[("view", "diff"), ("from", &before.sha256.to_string()), ("version", &digest)])) { "changes" }
                    }
                }
            } }
        }
    }
}

fn raw(visit: &Visit, found: &Found, content: Option<String>) -> Response {
    let Some(content) = content else {
        return visit.nothing(why_no_text(&found.document));
    };
    let mut response = tagged(
        &visit.headers,
        "text/plain; charset=utf-8",
        content.into_bytes(),
    );
    let name = found.document.path.rsplit('/').next().unwrap_or_default();
    let name: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c))
        .take(100)
        .collect();
    for (header, value) in [
        (
            header::CONTENT_DISPOSITION,
            format!("inline; filename=\"{name}\""),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; sandbox".to_owned(),
        ),
    ] {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(header, value);
        }
    }
    response
}

/// The changes from one version to another; without `from`, from the version before.
async fn diff(
    visit: &Visit,
    found: &Found,
    version: Option<&Held>,
    content: Option<&str>,
) -> Response {
    let at = found
        .versions
        .iter()
        .position(|held| Some(held.sha256) == version.map(|version| version.sha256));
    let older = match visit.get("from") {
        "" => at.and_then(|at| found.versions.get(at + 1)),
        from => Sha256::from_hex(from)
            .and_then(|from| found.versions.iter().find(|held| held.sha256 == from)),
    };
    let Some(older) = older else {
        return visit.nothing("There is no earlier version to compare with.");
    };
    let Ok(old) = self::content(visit, found, Some(older)).await else {
        return visit.trouble();
    };
    let (Some(old), Some(new)) = (old, content) else {
        let page = html! { p.note { "The text of one of the two versions was not sent." } };
        return (StatusCode::OK, show(visit, found, version, "diff", &page)).into_response();
    };
    let changes = text::changes(&old, new);
    let words = |held: &Held| held.sha256.to_string()[..12].to_owned();
    let shown = html! {
        p { "From " code { (words(older)) } " to " code { (version.map(words).unwrap_or_default()) } ":" }
        (changes)
    };
    show(visit, found, version, "diff", &shown)
}
