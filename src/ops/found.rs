//! Layouts that exist in the project but not in its configuration: reported as one line each, never
//! indexed without being configured.

use super::Workspace;
use super::report::FoundLayout;
use crate::base::Interrupt;
use crate::dossier;

/// The layouts that exist, contain something, and are not covered by a configured source.
pub(crate) fn found(workspace: &Workspace, interrupt: &Interrupt) -> Vec<FoundLayout> {
    // The index reports sources that cannot be read.
    let Ok(sources) = workspace.sources() else {
        return Vec::new();
    };
    let artifacts = &workspace.loaded.config.artifacts;
    let ignored = workspace.git_ignored();
    let detected = dossier::detect(&workspace.root, ignored.as_ref()).into_iter();
    let others =
        detected.filter(|d| !sources.layouts().contains(&d.layout) && !sources.looks_in(d.place));
    let counted = others.filter_map(|detected| {
        let units = dossier::count_units(
            &workspace.root,
            detected.layout,
            artifacts,
            ignored.as_ref(),
            interrupt,
        );
        let (layout, place) = (detected.layout.to_owned(), detected.place.to_owned());
        (units > 0).then_some(FoundLayout {
            layout,
            place,
            units: units as u64,
        })
    });
    counted.collect()
}
