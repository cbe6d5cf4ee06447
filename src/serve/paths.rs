//! Where everything is: the paths of endpoints, probes and pages, and the endpoint of a path.

pub(super) const EVENTS: &str = "/api/v1/events/batch/";
pub(super) const BODIES: &str = "/api/dossier/push-content/";
pub(super) const BODY_BATCH: &str = "/api/dossier/push-batch/";
pub(super) const HAVE: &str = "/api/dossier/have/";
pub(super) const FACTS: &str = "/api/v1/projects/{project_uuid}/facts";
pub(super) const STATES: &str = "/api/v1/projects/{project_uuid}/states";
pub(super) const HEALTH: &str = "/api/v1/sync/health/";
pub(super) const REPORT: &str = "/__sk-sync__/report";

pub(super) const LIVENESS: &str = "/healthz";
pub(super) const READINESS: &str = "/readyz";
pub(super) const METRICS: &str = "/metrics";
/// The endpoints that tell no more than that the receiver answers, or can keep something: open to
/// every probe.
pub(super) const OPEN: [&str; 2] = [LIVENESS, READINESS];

/// What the path of each resource for reading begins with.
const API_PREFIX: &str = "/api/v1/projects";

/// What the path of every page begins with, except for the first one.
const PAGE_PREFIXES: [&str; 7] = [
    "/projects/",
    "/search",
    "/activity",
    "/feed.atom",
    "/sign-",
    "/assets/",
    "/live",
];

/// True for the path of a page.
pub(super) fn is_page(path: &str) -> bool {
    path == "/" || PAGE_PREFIXES.iter().any(|prefix| path.starts_with(prefix))
}

/// The endpoint of a path; every other path is one, however many a stranger tries.
pub(super) fn route(path: &str) -> &'static str {
    if let Some((_, rest)) = path
        .strip_prefix("/api/v1/projects/")
        .and_then(|rest| rest.split_once('/'))
    {
        return match rest {
            "facts" => FACTS,
            "states" => STATES,
            _ => "api",
        };
    }
    let known = [
        EVENTS, BODIES, BODY_BATCH, HAVE, HEALTH, REPORT, LIVENESS, READINESS, METRICS,
    ];
    match known.into_iter().find(|known| *known == path) {
        Some(known) => known,
        None if is_page(path) => "pages",
        None if path.starts_with(API_PREFIX) || path == "/api/v1/search" => "api",
        None => "other",
    }
}
