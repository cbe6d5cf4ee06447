//! The table of missions: how the documents of each stand, and its work packages by lane.

use std::collections::BTreeMap;

use super::markup::{grouped, section, text};
use crate::upkeep::document::{Document, MissionHere};
use crate::upkeep::lanes::MissionLanes;

const HEAD: &str = "<thead><tr><th scope=\"col\">Mission</th><th scope=\"col\">Documents</th><th scope=\"col\">Delivered</th>\
                    <th scope=\"col\">Newer here</th><th scope=\"col\">Waiting</th><th scope=\"col\">Work packages</th></tr></thead>";

/// The card; nothing without missions.
pub(super) fn missions(d: &Document) -> String {
    let lanes: BTreeMap<_, _> = d
        .work_packages
        .iter()
        .flatten()
        .map(|m| (m.mission_slug.as_str(), m))
        .collect();
    let rows: String = d
        .missions
        .iter()
        .flatten()
        .map(|m| row(m, lanes.get(m.mission_slug.as_str()).copied()))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let table = format!("<div class=\"scroll\"><table>{HEAD}<tbody>{rows}</tbody></table></div>");
    section("missions", "Missions", "", table).replacen("class=\"card\"", "class=\"card wide\"", 1)
}

fn row(mission: &MissionHere, lanes: Option<&MissionLanes>) -> String {
    let signed = |count: u64| grouped(i64::try_from(count).unwrap_or(i64::MAX));
    let cells: String = [
        mission.documents,
        mission.delivered,
        mission.newer_here,
        mission.waiting,
    ]
    .map(|count| format!("<td>{}</td>", signed(count)))
    .concat();
    let lanes = lanes.into_iter().flat_map(|mission| &mission.lanes);
    let lanes: Vec<_> = lanes
        .map(|(lane, packages)| format!("{packages} {lane}"))
        .collect();
    let why = mission
        .reason
        .as_ref()
        .map_or_else(String::new, |why| format!(" <small>{}</small>", text(why)));
    format!(
        "<tr><th scope=\"row\">{}{why}</th>{cells}<td>{}</td></tr>",
        text(&mission.mission_slug),
        text(&lanes.join(", "))
    )
}
