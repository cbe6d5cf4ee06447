//! `sk-sync verify`: recounts and rehashes everything.

use serde::Serialize;

use crate::base::text::{path, printable};
use crate::cli::journey::workspace;
use crate::cli::{Context, Exit, Failure};
use crate::upkeep::{Checked, Proof, verify};

/// Check every hash, count and reference in the store.
///
/// Checks the database itself, the hash chain, the hash of every payload, every counter against its rows, every
/// reference, and the balance of every target. Creates nothing and changes nothing; exits 6 when something is wrong.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the findings as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn run(context: &Context, _args: &Args) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let store = workspace.place.store();
    let proof = verify(&store)?.unwrap_or_else(|| Proof { ok: true, ..Proof::default() });
    let exit = if proof.ok { Exit::Success } else { Exit::Damage };
    let printer = &context.printer;
    if printer.is_json() {
        printer.document(&Document { schema_version: 1, command: "verify", exit_code: exit.code(), proof: &proof });
        return Ok(exit);
    }
    for finding in &proof.findings {
        printer.result(&format!("{} {}", printer.paint().red(finding.severity), printable(&finding.what)));
    }
    let Checked { events, targets, bodies } = proof.checked;
    let looked_at = format!("{events} events, {targets} targets, {bodies} queued bodies in {}", path(&store));
    printer.result(&match (proof.ok, proof.is_damaged) {
        (true, _) => {
            format!("{} {looked_at}: hashes, chain, counters and books agree", printer.paint().green("Whole:"))
        }
        (false, true) => format!("Damaged: {looked_at}. What is not named above is safe; keep a copy of the file"),
        (false, false) => format!("Wrong numbers: {looked_at}. Every event is safe; only counts differ from the rows"),
    });
    Ok(exit)
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    schema_version: u32,
    command: &'static str,
    exit_code: u8,
    #[serde(flatten)]
    proof: &'a Proof,
}
