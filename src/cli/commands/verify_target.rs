//! `sk-sync verify --target`: compares with what the server says that it has.

use crate::base::text::printable;
use crate::cli::project::{resolved, workspace, world};
use crate::cli::render::plural;
use crate::cli::store::open_store;
use crate::cli::{Context, Exit, Failure};
use crate::endpoint::{Credentials, Gate};
use crate::ops::{Compared, NotCompared, TargetProof, verify_target};

pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let resolved = resolved(context, &workspace)?;
    let credentials = Credentials::new(&resolved, &workspace.loaded.config, &context.env);
    let mut store = open_store(context, &workspace)?;
    let proof = match verify_target(&world(context), &workspace, &mut store, &credentials)? {
        Ok(proof) => proof,
        Err(why) => return not_compared(why),
    };
    let exit = if proof.agrees {
        Exit::Success
    } else {
        Exit::Damage
    };
    let printer = &context.printer;
    if printer.is_json() {
        printer.reply("verify", exit, &serde_json::json!({ "target": proof }));
    } else if !context.globals.quiet || exit != Exit::Success {
        printer.results(lines(&proof).iter().map(|line| printable(line)));
    }
    Ok(exit)
}

/// Hint while the target is not a server.
const NAME_A_SERVER: &str = "sk-sync target set teamspace --url URL --team TEAM";

/// True for the failed check of a stub, which cannot be asked anything.
fn is_stub(gate: &Gate) -> bool {
    !gate.is_open && gate.name == "stub_not_listening"
}

fn not_compared(why: NotCompared) -> Result<Exit, Failure> {
    let cannot = "cannot compare with the target";
    Err(match why {
        NotCompared::NoTarget => {
            Failure::usage(format!("{cannot}: no server is configured")).with_hint(NAME_A_SERVER)
        }
        NotCompared::Shut(gates) if gates.iter().any(is_stub) => {
            Failure::usage(format!("{cannot}: the stub is not a server")).with_hint(NAME_A_SERVER)
        }
        NotCompared::Unknown => {
            Failure::usage(format!("{cannot}: nothing was ever delivered there"))
                .with_hint("sk-sync run")
        }
        NotCompared::NotOffered => Failure::usage(format!(
            "{cannot}: this server does not say what it has (capability states)"
        ))
        .with_hint("update the receiver; `sk-sync serve` of this version can"),
        NotCompared::NoAnswer(reason) => {
            Failure::new(Exit::Retryable, "target", format!("{cannot}: {reason}"))
                .with_hint("sk-sync preflight --online")
        }
        NotCompared::Shut(gates) => {
            let shut: Vec<_> = gates.iter().filter(|gate| !gate.is_open).collect();
            let names: Vec<_> = shut.iter().map(|gate| gate.name).collect();
            let failure = Failure::new(
                Exit::Gate,
                "gate",
                format!("{cannot}: blocked: {}", names.join(", ")),
            );
            match shut.first().map(|gate| gate.fix.clone()) {
                Some(fix) => failure.with_hint(fix),
                None => failure,
            }
        }
    })
}

fn lines(proof: &TargetProof) -> Vec<String> {
    let word = if proof.agrees { "Same:" } else { "Differs:" };
    let mut lines = vec![format!(
        "{word} {} and {} that {} acknowledged are there",
        plural(proof.events.counts.same, "event"),
        plural(proof.documents.counts.same, "document"),
        proof.canonical_url
    )];
    for (
        noun,
        Compared {
            counts,
            lost,
            differing,
        },
    ) in [("event", &proof.events), ("document", &proof.documents)]
    {
        for (count, names, what) in [
            (counts.lost_there, lost, "lost there"),
            (counts.different, differing, "different there"),
            (
                counts.unknown_here,
                &Vec::new(),
                "unknown here (sent by others, or before this journal)",
            ),
        ] {
            if count > 0 {
                lines.push(format!("         {} {what}", plural(count, noun)));
                lines.extend(names.iter().map(|name| format!("           {name}")));
            }
        }
    }
    if !proof.agrees {
        lines.push(format!(
            "         send it again: sk-sync replay --to {}",
            proof.target_id
        ));
    }
    lines
}
