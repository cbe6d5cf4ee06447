//! What the preset in force does with an event at capture.

use super::Workspace;
use crate::config::{BoundFamilies, Delivery, Retention};
use crate::event::{Disposition, FamilyTable, disposition};

/// Why opting out dropped an event, in its audit row.
pub(super) const OPTED_OUT: &str = "opted out, with opt_out.teamspace_bound = \"audit\"";

/// The rule of one run.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    table: FamilyTable,
    is_opted_out: bool,
    audits_bound: bool,
}

impl Rule {
    /// The rule that the configuration states.
    pub(super) fn of(workspace: &Workspace) -> Self {
        let config = &workspace.loaded.config;
        Self {
            table: FamilyTable::with_local_only(config.families.local_only.iter().cloned()),
            is_opted_out: config.retention == Retention::Off && config.delivery == Delivery::None,
            audits_bound: config.opt_out.teamspace_bound == BoundFamilies::Audit,
        }
    }

    /// What happens to an event of this type.
    pub(super) fn disposition(&self, event_type: &str) -> Disposition {
        disposition(self.table.classify(event_type), self.is_opted_out, self.audits_bound)
    }
}
