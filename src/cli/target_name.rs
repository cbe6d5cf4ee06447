//! Resolves a target on the command line: by its id, its URL, a word, or a unique prefix.

use crate::base::text::printable;
use crate::cli::project::resolved;
use crate::cli::{Context, Failure};
use crate::ops::Workspace;
use crate::upkeep::{TargetRow, list_targets};

/// The id of the target that `text` names: an id, a URL, `current`, `stub`, or a unique prefix of
/// an id or URL.
pub(crate) fn target_id(
    context: &Context,
    workspace: &Workspace,
    text: &str,
) -> Result<String, Failure> {
    let current = resolved(context, workspace)?
        .identity
        .map(|identity| identity.target_id);
    let known = list_targets(&workspace.place.store(), current.as_deref())?.targets;
    match (text, current) {
        ("current", Some(id)) => Ok(id),
        ("current", None) => Err(Failure::usage("no target is configured")
            .with_hint("`sk-sync target list` lists every target")),
        _ => choose(&known, text),
    }
}

fn choose(known: &[TargetRow], text: &str) -> Result<String, Failure> {
    let bare = text.trim_end_matches('/');
    let is_it = |row: &&TargetRow| row.target_id == text || row.canonical_url == bare;
    let is_stub = |row: &&TargetRow| text == row.receiver.word() && !row.receiver.is_server();
    let begins =
        |row: &&TargetRow| row.target_id.starts_with(text) || row.canonical_url.starts_with(bare);
    let exact: Vec<_> = known
        .iter()
        .filter(|row| is_it(row) || is_stub(row))
        .collect();
    let found = if exact.is_empty() {
        known.iter().filter(begins).collect()
    } else {
        exact
    };
    match &found[..] {
        [one] => Ok(one.target_id.clone()),
        // Unknown: the command that uses it reports it.
        [] => Ok(text.to_owned()),
        several => {
            let ids: Vec<_> = several.iter().map(|row| row.target_id.as_str()).collect();
            let message = format!(
                "{} names {} targets: {}",
                printable(text),
                several.len(),
                ids.join(", ")
            );
            Err(Failure::usage(message).with_hint("name one by its ID"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::ReceiverKind;

    fn row(target_id: &str, url: &str, receiver: ReceiverKind) -> TargetRow {
        TargetRow {
            target_id: target_id.to_owned(),
            receiver,
            canonical_url: url.to_owned(),
            team_slug: String::new(),
            user_email: String::new(),
            is_current: false,
            is_live: true,
            holds_payloads: true,
            delivered: 0,
            in_flight: 0,
            retryable: 0,
            undeliverable: 0,
            untried: 0,
        }
    }

    #[test]
    fn a_target_has_several_names_and_an_unclear_one_is_refused() {
        let known = [
            row("tgt_a_12", "https://h.example", ReceiverKind::Teamspace),
            row("tgt_a_13", "https://h.example/x", ReceiverKind::Teamspace),
            row("tgt_b_99", "stub://local", ReceiverKind::Stub),
        ];
        for (text, id) in [
            ("tgt_a_12", "tgt_a_12"),
            ("https://h.example/", "tgt_a_12"),
            ("https://h.example/x", "tgt_a_13"),
            ("stub", "tgt_b_99"),
            ("stub://local", "tgt_b_99"),
            ("tgt_b", "tgt_b_99"),
            ("nowhere", "nowhere"),
        ] {
            assert_eq!(choose(&known, text).unwrap(), id, "{text}");
        }
        for (text, said) in [
            ("tgt_a", "names 2 targets"),
            ("https://h", "names 2 targets"),
        ] {
            let failure = choose(&known, text).unwrap_err();
            assert!(failure.message.contains(said), "{failure:?}");
        }
    }
}
