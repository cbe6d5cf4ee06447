//! The first page, and the page of a project.

use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};

use super::layout::{bar, count, mission_link, page, when};
use super::links;
use super::listing::lines;
use super::visit::Visit;
use crate::base::text::printable;
use crate::serve::model::{self, Cursor, Mission, Project};

/// Projects or missions of one page.
const ROWS: i64 = 50;
/// Lines of activity on the page of a project.
const LINES: i64 = 10;

pub(super) async fn projects(visit: Visit) -> Response {
    let after: Option<Cursor> = visit.parsed("after");
    let Ok(projects) = visit
        .ask(move |tx, scope| model::projects(tx, scope, after, ROWS))
        .await
    else {
        return visit.trouble();
    };
    let body = html! {
        @if projects.is_empty() {
            @if after.is_some() { p { "No more projects." } } @else { (first_steps()) }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Projects" { table {
                thead { tr { th scope="col" { "Project" } th scope="col" { "Missions" } th scope="col" { "Last activity" } } }
                tbody { @for project in &projects {
                    tr {
                        th scope="row" { a href=(links::project(&project.uuid)) { (printable(project.title())) } }
                        td { (project.missions) }
                        td { (when(&visit, project.last_at)) }
                    }
                } }
            } }
            @if let Some(last) = projects.last().filter(|_| projects.len() >= 50) {
                p { a rel="next" href=(format!("/?after={}", Cursor(last.last_at, last.id))) { "More projects" } }
            }
        }
    };
    visit.page(page(&visit, "Projects", &[], true, &body))
}

/// What a receiver shows before anything arrived.
fn first_steps() -> Markup {
    html! {
        p { "Nothing has arrived yet. In a repository with missions, run:" }
        pre { code { "sk-sync run --preset external-receiver --target-url URL-OF-THIS-PAGE" } }
    }
}

pub(super) async fn project(visit: Visit, Path(uuid): Path<String>) -> Response {
    let after: Option<Cursor> = visit.parsed("after");
    let asked = visit.ask(move |tx, scope| {
        let Some(project) = model::project(tx, scope, &uuid)? else {
            return Ok(None);
        };
        let missions = model::missions(tx, project.id, after, ROWS)?;
        let lines = if after.is_none() {
            model::activity(tx, model::Of::Project(project.id), None, LINES)?
        } else {
            Vec::new()
        };
        Ok(Some((project, missions, lines)))
    });
    let (project, missions, activity) = match asked.await {
        Ok(Some(found)) => found,
        Ok(None) => return visit.nothing("There is no such project."),
        Err(_) => return visit.trouble(),
    };
    let body = html! {
        p.facts { (count(project.missions, "mission", "missions")) ", last activity " (when(&visit, project.last_at)) ". "
            a href=(links::activity(Some(&project.uuid), "")) { "Activity" } " · "
            a href=(format!("/projects/{}/feed.atom", project.uuid)) { "Atom feed" } }
        section aria-labelledby="missions" {
            h2 id="missions" { "Missions" }
            (missions_table(&visit, &project, &missions))
            @if let Some(last) = missions.last().filter(|_| missions.len() >= 50) {
                p { a rel="next" href=(links::more_missions(&project.uuid, &Cursor(last.last_at, last.id).to_string())) { "More missions" } }
            }
        }
        @if !activity.is_empty() {
            section aria-labelledby="activity" { h2 id="activity" { "Latest activity" } (lines(&visit, &activity, false, true)) }
        }
    };
    let way = [("Projects".to_owned(), "/".to_owned())];
    visit.page(page(&visit, project.title(), &way, true, &body))
}

fn missions_table(visit: &Visit, project: &Project, missions: &[Mission]) -> Markup {
    html! {
        @if missions.is_empty() { p { "No missions." } } @else {
            div.scroll tabindex="0" role="region" aria-label="Missions" { table {
                thead { tr {
                    th scope="col" { "Mission" } th scope="col" { "Work" } th scope="col" { "Documents" } th scope="col" { "Last activity" }
                } }
                tbody { @for mission in missions {
                    tr {
                        th scope="row" { (mission_link(&project.uuid, &mission.slug, &mission.name)) }
                        td.work { (bar(&mission.lanes, mission.boxes)) }
                        td { (mission.documents)
                            @if let Some(missing) = mission.required_missing.filter(|n| *n > 0) { " " span.badge.warn { (missing) " missing" } } }
                        td { (when(visit, mission.last_at)) }
                    }
                } }
            } }
        }
    }
}
