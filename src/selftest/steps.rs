//! The checks, one promise after another.

use serde_json::Value;

use super::fault::{ELSEWHERE, Fault, LOOPBACK};
use super::relay::Rule;
use super::trial::{Trial, number};

use crate::books::Balance;

/// A check: its word, what to do when it fails, and the work, which returns its finding.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) fix: &'static str,
    pub(super) work: fn(&mut Trial<'_>) -> Result<String, Fault>,
}

/// Captures that are killed.
const KILLS: usize = 3;
/// Answers after which a capture is killed.
const ANSWERS: usize = 15;
/// Lines that a capture has before its first answer, so that the kill finds it at work.
const AHEAD: usize = 8;
/// Lines of each of two captures at the same time.
const LINES: usize = 20;
/// Drains until everything must be delivered; a lost answer is retried after a second.
const DRAINS: usize = 40;

/// What to do where the store is wrong.
const REPORT_IT: &str =
    "keep the directory and report it: this is an error of sk-sync, or of the disk";

/// All checks but the first, in order.
pub(super) const STEPS: [Step; 9] = [
    Step {
        name: "capture",
        fix: ELSEWHERE,
        work: capture,
    },
    Step {
        name: "private",
        fix: ELSEWHERE,
        work: private,
    },
    Step {
        name: "locks",
        fix: ELSEWHERE,
        work: locks,
    },
    Step {
        name: "kill",
        fix: LOOPBACK,
        work: kill,
    },
    Step {
        name: "resend",
        fix: REPORT_IT,
        work: resend,
    },
    Step {
        name: "replay",
        fix: REPORT_IT,
        work: replay,
    },
    Step {
        name: "lost_answer",
        fix: REPORT_IT,
        work: lost_answer,
    },
    Step {
        name: "verify",
        fix: REPORT_IT,
        work: verify,
    },
    Step {
        name: "balance",
        fix: REPORT_IT,
        work: balance,
    },
];

/// Captures are killed at work: every event that they acknowledged is in the journal.
fn capture(trial: &mut Trial<'_>) -> Result<String, Fault> {
    let mut acknowledged = Vec::new();
    for _ in 0..KILLS {
        let mut running = trial
            .site
            .start_with_input(&["capture", "--each", "--json"])?;
        for _ in 0..AHEAD {
            running.write(&trial.event());
        }
        let mut answers = Vec::new();
        while answers.len() < ANSWERS
            && let Ok(answer) = running.lines.recv()
        {
            answers.push(answer);
            running.write(&trial.event());
        }
        running.kill()?;
        let ended = running.end()?;
        if answers.len() < ANSWERS {
            return ended.with(&[]).map(|_| String::new());
        }
        answers.extend(ended.stdout.lines().map(str::to_owned));
        acknowledged.extend(captured(&answers)?);
    }
    in_journal(trial, &acknowledged)?;
    trial.verified()?;
    Ok(format!(
        "{} acknowledged events are in the journal after {KILLS} SIGKILLs",
        acknowledged.len()
    ))
}

/// The ids in these answers, each of which must say that the line is in the journal. The last may
/// be cut off.
fn captured(answers: &[String]) -> Result<Vec<String>, Fault> {
    let mut ids = Vec::new();
    for answer in answers
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
    {
        match (answer["event_id"].as_str(), answer["result"].as_str()) {
            (Some(id), Some("captured")) => ids.push(id.to_owned()),
            _ => return Err(Fault(format!("an event was not captured: {answer}"))),
        }
    }
    Ok(ids)
}

fn in_journal(trial: &Trial<'_>, ids: &[String]) -> Result<(), Fault> {
    let journal = trial.journal()?;
    let lost = ids.iter().filter(|id| !journal.contains(*id)).count();
    if lost > 0 {
        return Err(Fault(format!(
            "{lost} of {} acknowledged events are not in the journal",
            ids.len()
        )));
    }
    Ok(())
}

/// Files of the store are for their owner only.
fn private(trial: &mut Trial<'_>) -> Result<String, Fault> {
    trial.site.state_is_private()?;
    Ok("other users cannot open the store".to_owned())
}

/// Two processes write at the same time.
fn locks(trial: &mut Trial<'_>) -> Result<String, Fault> {
    let start = || {
        trial
            .site
            .start_with_input(&["capture", "--each", "--json"])
    };
    let mut both = [start()?, start()?];
    for _ in 0..LINES {
        for running in &mut both {
            running.write(&trial.event());
        }
    }
    let mut acknowledged = Vec::new();
    for running in both {
        let ended = running.end()?.with(&[0])?;
        acknowledged.extend(captured(
            &ended.stdout.lines().map(str::to_owned).collect::<Vec<_>>(),
        )?);
    }
    if acknowledged.len() != 2 * LINES {
        return Err(Fault(format!(
            "{} of {} events were acknowledged",
            acknowledged.len(),
            2 * LINES
        )));
    }
    in_journal(trial, &acknowledged)?;
    Ok(format!(
        "2 processes captured {} events at the same time",
        acknowledged.len()
    ))
}

/// A run is killed when the receiver has stored its events and has not answered.
fn kill(trial: &mut Trial<'_>) -> Result<String, Fault> {
    trial.relay.next(Rule::Hold);
    let running = trial.site.start(&["run", "--json"])?;
    if !trial.relay.keeps_back(|| running.is_over()) {
        return running.end()?.with(&[]).map(|_| String::new());
    }
    running.kill()?;
    running.end()?;
    let request = trial
        .relay
        .requests()
        .pop()
        .ok_or_else(|| Fault("no request was recorded".to_owned()))?;
    trial.verified()?;
    let [events, _] = trial.balances()?;
    let received = trial.received("events")?;
    if events.in_flight == 0 || events.in_flight != received || events.delivered != 0 {
        let (sent, delivered) = (events.in_flight, events.delivered);
        return Err(Fault(format!(
            "{received} events were received, {sent} are in flight, {delivered} delivered"
        )));
    }
    trial.unanswered = Some((request, received));
    Ok(format!(
        "a run was killed before the answer: {received} events received, none counted as delivered"
    ))
}

/// What is in flight goes first, as the same bytes under the same key, and the rest is delivered.
fn resend(trial: &mut Trial<'_>) -> Result<String, Fault> {
    let Some((unanswered, events)) = trial.unanswered.take() else {
        return Err(Fault("nothing is in flight".to_owned()));
    };
    let drain = trial.site.run(&["drain", "--json"])?.with(&[0])?.json()?;
    let requests = trial.relay.requests();
    let duplicates = number(&drain["drain"]["duplicate"]);
    if !requests
        .first()
        .is_some_and(|request| request.repeats(&unanswered))
        || duplicates != events
    {
        return Err(Fault(format!(
            "{events} events were in flight; {duplicates} were sent again first, as they were"
        )));
    }
    Ok(format!(
        "the same {events} events went first, with the same key; the server had them"
    ))
}

/// Everything is sent again: the receiver has it already.
fn replay(trial: &mut Trial<'_>) -> Result<String, Fault> {
    let count =
        |trial: &Trial<'_>| Ok::<_, Fault>((trial.received("events")?, trial.received("bodies")?));
    let before = count(trial)?;
    trial
        .site
        .run(&["replay", "--to", "current", "--json"])?
        .with(&[0])?;
    let drain = trial.site.run(&["drain", "--json"])?.with(&[0])?.json()?;
    let (after, duplicates) = (count(trial)?, number(&drain["drain"]["duplicate"]));
    if duplicates != before.0 || after != before {
        return Err(Fault(format!(
            "{duplicates} of {} events were there already; {before:?} became {after:?}",
            before.0
        )));
    }
    Ok(format!(
        "{duplicates} events went again: the server had each, and stored nothing twice"
    ))
}

/// An answer is lost on its way.
fn lost_answer(trial: &mut Trial<'_>) -> Result<String, Fault> {
    trial
        .site
        .change("# Tide\n\nThe table of the next year.\n")?;
    let stored = trial.received("events")?;
    // Those of the replay.
    drop(trial.relay.requests());
    trial.relay.next(Rule::Lose);
    let mut ended = trial.site.run(&["run", "--json"])?.with(&[0, 3])?;
    for _ in 0..DRAINS {
        if ended.is_success() || trial.pause() {
            break;
        }
        ended = trial.site.run(&["drain", "--json"])?.with(&[0, 3])?;
    }
    let requests = trial.relay.requests();
    let new = trial.received("events")?.saturating_sub(stored);
    match requests.as_slice() {
        [lost, again, ..] if again.repeats(lost) && ended.is_success() && new > 0 => Ok(format!(
            "{new} events whose answer was lost went again, and are there once"
        )),
        _ => Err(Fault(format!(
            "{} requests for {new} events; {}",
            requests.len(),
            ended.said()
        ))),
    }
}

/// The journal is whole, and the receiver has what it acknowledged.
fn verify(trial: &mut Trial<'_>) -> Result<String, Fault> {
    let proof = trial.verified()?;
    let target = trial
        .site
        .run(&["verify", "--target", "--json"])?
        .with(&[0])?
        .json()?;
    let [events, documents] = ["events", "documents"].map(|kind| &target["target"][kind]);
    let there = [events, documents].map(|kind| number(&kind["same"]));
    let unknown = number(&events["unknown_here"]) + number(&documents["unknown_here"]);
    if unknown > 0 || there.contains(&0) {
        return Err(Fault(format!(
            "{there:?} are the same at the server, {unknown} are unknown here"
        )));
    }
    let checked = number(&proof["checked"]["events"]);
    Ok(format!(
        "every hash, count and reference of {checked} events; the server lists {} and {} documents",
        there[0], there[1]
    ))
}

/// Every captured event and document is counted once, and the receiver counts the same.
fn balance(trial: &mut Trial<'_>) -> Result<String, Fault> {
    let [events, documents] = trial.balances()?;
    (trial.balance, trial.documents) = (Some(events), Some(documents));
    let (stored, bodies) = (trial.received("events")?, trial.received("bodies")?);
    let (conflicts, rejected) = (trial.received("conflicts")?, trial.received("rejected")?);
    let is_even = |books: &Balance, received: u64| {
        let sum: u64 = books.terms().iter().map(|(.., count)| count).sum();
        books.holds
            && sum == books.captured
            && books.captured == books.delivered
            && books.delivered == received
    };
    if !is_even(&events, stored) || !is_even(&documents, bodies) || conflicts + rejected > 0 {
        return Err(Fault(format!(
            "the server stored {stored} events and {bodies} documents ({conflicts} in conflict, {rejected} rejected)"
        )));
    }
    Ok(format!(
        "both balances hold; the server stored {stored} events and {bodies} documents, each once"
    ))
}
