//! `sk-sync preflight`: every check for sending, at once.

use serde::Serialize;

use crate::base::Timestamp;
use crate::base::text::printable;
use crate::cli::project::{resolved, workspace, world};
use crate::cli::when::age;
use crate::cli::{Context, Exit, Failure, Paint};
use crate::delivery::LastAnswer;
use crate::endpoint::{Credentials, Gate, Identity, ProxyUse, proxy_use};
use crate::ops::{self, Health, Online};
use crate::upkeep::{last_answer, recorded_gates};

/// Check everything that can stop delivery, and how to fix it.
///
/// Checks identity, target, credentials and consent without sending anything. Credential sources
/// are asked for the token, as in a run. If the server refused the last drain, its answer is shown.
/// Changes nothing; exits 4 if a check fails.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the checks as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
    /// Ask the server's health endpoint
    #[arg(long)]
    pub(crate) online: bool,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    target: Option<&'a Identity>,
    /// How the target is reached; null if nothing is sent.
    network: Option<&'a ProxyUse>,
    gates: &'a [Gate],
    /// The target's last answer to events; null before the first one.
    last_answer: Option<Said>,
    /// The server's present answer, with `--online`.
    #[serde(skip_serializing_if = "Option::is_none")]
    online: Option<&'a Online>,
}

/// The last answer of a target.
#[derive(Debug, Serialize)]
struct Said {
    at: String,
    age_seconds: u64,
    status: Option<u16>,
    error: Option<String>,
}

impl Said {
    fn of(answer: LastAnswer, now: Timestamp) -> Self {
        let LastAnswer { at, status, error } = answer;
        Self {
            at: at.to_string(),
            age_seconds: now.since(at).as_secs(),
            status,
            error,
        }
    }

    fn line(&self) -> String {
        let status = self
            .status
            .map_or_else(|| "no answer".to_owned(), |status| format!("HTTP {status}"));
        let words = self.error.clone().unwrap_or(status);
        format!(
            "Last answer to events, {}: {}",
            age(self.age_seconds),
            printable(&words)
        )
    }
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let resolved = resolved(context, &workspace)?;
    let mut gates = vec![Gate::of_identity(workspace.identity.project_uuid.is_some())];
    let credentials = Credentials::new(&resolved, &workspace.loaded.config, &context.env);
    gates.extend(credentials.asked_gates());
    let target_id = resolved.target_id();
    let mut gates = recorded_gates(&workspace.place.store(), target_id, &gates)?;
    let online = args
        .online
        .then(|| ops::online(&world(context), &resolved, &credentials));
    if let Some(refused) = online.as_ref().and_then(|online| online.gate.clone()) {
        gates.retain(|gate| gate.name != refused.name);
        gates.push(refused);
    }
    let answered = target_id.map_or(Ok(None), |id| last_answer(&workspace.place.store(), id))?;
    let answered = answered.map(|answer| Said::of(answer, context.clock.now()));
    let network = proxy_use(&resolved, &workspace.loaded.config, &context.env);
    let exit = exit(&gates, online.as_ref());
    if context.printer.is_json() {
        let document = Document {
            target: resolved.identity.as_ref(),
            network: network.as_ref(),
            gates: &gates,
            last_answer: answered,
            online: online.as_ref(),
        };
        context.printer.reply("preflight", exit, &document);
    } else if !context.globals.quiet {
        if let Some(words) = network.as_ref().and_then(ProxyUse::words) {
            context
                .printer
                .result(&printable(&format!("Proxy {words}")));
        }
        context.printer.results(lines(
            resolved.identity.as_ref(),
            &gates,
            context.printer.paint(),
        ));
        if let Some(answered) = &answered {
            context.printer.result(&answered.line());
        }
        if let Some(online) = &online {
            context
                .printer
                .result(&online_line(online, context.printer.paint()));
        }
        for found in ops::found(&workspace, &context.interrupt) {
            context.printer.note(&printable(&found.words()));
        }
    }
    Ok(exit)
}

fn exit(gates: &[Gate], online: Option<&Online>) -> Exit {
    match online {
        _ if gates.iter().any(|gate| !gate.is_open) => Exit::Gate,
        Some(Online {
            health: Health::Unavailable,
            ..
        }) => Exit::Retryable,
        _ => Exit::Success,
    }
}

fn online_line(online: &Online, paint: Paint) -> String {
    let said = printable(&online.said);
    match online.health {
        Health::NotAsked => format!("The server was not asked: {said}"),
        Health::Accepts => format!("{} {said}", paint.green("The server answers:")),
        Health::NotOffered => format!(
            "{} {said}; it has no health endpoint",
            paint.green("The server answers:")
        ),
        Health::Refuses => format!("{} {said}", paint.red("The server refuses:")),
        Health::Unavailable => format!("{} {said}", paint.red("The server is not available:")),
    }
}

/// One line per check; a failed one is followed by its reason and by the command that fixes it,
/// ready to be copied.
fn lines(target: Option<&Identity>, gates: &[Gate], paint: Paint) -> Vec<String> {
    let mut lines: Vec<_> = gates
        .iter()
        .flat_map(|gate| gate_lines(gate, paint))
        .collect();
    let shut = gates.iter().filter(|gate| !gate.is_open).count();
    lines.push(match (shut, target) {
        (0, Some(target)) => format!(
            "{} to send to {}",
            paint.green("Ready"),
            printable(&target.canonical_url)
        ),
        (0, None) => {
            format!(
                "{}; no target is configured, so nothing leaves this machine",
                paint.green("Every check passes")
            )
        }
        (1, _) => format!(
            "{} 1 check fails; what was captured is kept until it passes",
            paint.red("Not ready:")
        ),
        (n, _) => {
            format!(
                "{} {n} checks fail; what was captured is kept until they pass",
                paint.red("Not ready:")
            )
        }
    });
    lines
}

fn gate_lines(gate: &Gate, paint: Paint) -> Vec<String> {
    if gate.is_open {
        return vec![format!("{}  {}", paint.green("pass"), gate.name)];
    }
    let since = gate
        .since
        .as_ref()
        .map_or_else(String::new, |since| format!(" (since {since})"));
    vec![
        format!(
            "{}  {}: {}{since}",
            paint.red("fail"),
            gate.name,
            printable(&gate.reason)
        ),
        format!("      {}", paint.cyan(&printable(&gate.fix))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upkeep::fixture::shut;

    #[test]
    fn each_shut_gate_has_a_line_to_copy() {
        let gates = [
            Gate::of_identity(true),
            shut("missing_auth"),
            Gate::of_identity(false),
        ];
        insta::assert_snapshot!(lines(None, &gates, Paint::default()).join("\n"), @"
        pass  missing_project_identity
        fail  missing_auth: missing_auth is why
              open missing_auth
        fail  missing_project_identity: the project has no ID
              sk-sync init --project
        Not ready: 2 checks fail; what was captured is kept until they pass
        ");
    }
}
