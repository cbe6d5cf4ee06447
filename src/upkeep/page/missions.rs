//! The table of missions: how the documents of each stand, and its work packages by lane.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::markup::{grouped, section, text};
use crate::upkeep::document::{Document, MissionHere};
use crate::upkeep::lanes::MissionLanes;

/// The card; nothing without missions.
pub(super) fn missions(d: &Document) -> Markup {
    let lanes: BTreeMap<_, _> = d
        .work_packages
        .iter()
        .flatten()
        .map(|m| (m.mission_slug.as_str(), m))
        .collect();
    let missions: Vec<_> = d.missions.iter().flatten().collect();
    let table = html! {
        div.scroll { table {
            thead { tr {
                th scope="col" { "Mission" } th scope="col" { "Documents" } th scope="col" { "Delivered" }
                th scope="col" { "Newer here" } th scope="col" { "Waiting" } th scope="col" { "Work packages" }
            } }
            tbody { @for m in &missions { (row(m, lanes.get(m.mission_slug.as_str()).copied())) } }
        } }
    };
    html! { @if !missions.is_empty() { (section(("missions", true), "Missions", "", &table)) } }
}

fn row(mission: &MissionHere, lanes: Option<&MissionLanes>) -> Markup {
    let signed = |count: u64| grouped(i64::try_from(count).unwrap_or(i64::MAX));
    let lanes = lanes.into_iter().flat_map(|mission| &mission.lanes);
    let lanes: Vec<_> = lanes
        .map(|(lane, packages)| format!("{packages} {lane}"))
        .collect();
    html! {
        tr {
            th scope="row" {
                (text(&mission.mission_slug))
                @if let Some(why) = &mission.reason { " " small { (text(why)) } }
            }
            @for count in [mission.documents, mission.delivered, mission.newer_here, mission.waiting] {
                td { (signed(count)) }
            }
            td { (text(&lanes.join(", "))) }
        }
    }
}
