//! Which target the state of an event is shown for, and the failure for an event that is not there.

use std::path::Path;

use super::project::resolved;
use crate::base::text::{path, printable};
use crate::cli::{Context, Failure};
use crate::endpoint::Credentials;
use crate::ops::Workspace;
use crate::upkeep::{View, known_targets, recorded_gates};

/// The target whose delivery state is shown: the configured one, or the one with this id.
pub(crate) fn view(
    context: &Context,
    workspace: &Workspace,
    asked: Option<&str>,
) -> Result<View, Failure> {
    let resolved = resolved(context, workspace)?;
    let configured = resolved.target_id();
    match asked {
        Some(id) if configured != Some(id) => {
            let known = known_targets(&workspace.place.store())?;
            if known.iter().any(|other| other == id) {
                return Ok(View {
                    target_id: Some(id.to_owned()),
                    shut: Vec::new(),
                });
            }
            let known = if known.is_empty() {
                "none yet".to_owned()
            } else {
                known.join(", ")
            };
            Err(
                Failure::usage(format!("--target: no target {}", printable(id)))
                    .with_hint(format!("known: {known}")),
            )
        }
        _ => {
            let gates = Credentials::new(&resolved, &workspace.loaded.config, &context.env).gates();
            let gates = recorded_gates(&workspace.place.store(), configured, &gates)?;
            let shut = gates
                .iter()
                .filter(|gate| !gate.is_open)
                .map(|gate| gate.name)
                .collect();
            Ok(View {
                target_id: configured.map(str::to_owned),
                shut,
            })
        }
    }
}

/// The failure for an unknown event id.
pub(crate) fn no_event(id: &str, store: &Path) -> Failure {
    let message = format!("no event {} in {}", printable(id), path(store));
    Failure::usage(message).with_hint("`sk-sync events list` lists every event")
}
