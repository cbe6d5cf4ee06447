//! The texts of the Action. Names of files and words of servers are data: they are escaped so that
//! they can form neither a workflow command, nor a line end, nor Markdown. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::ending::Ending;
use crate::base::text::shorten;

/// Maximum number of rows of a table, and of annotations of a run.
const MAX_ROWS: usize = 20;
const MAX_ANNOTATIONS: usize = 10;

/// One annotation for each group of reasons.
pub(super) fn annotations(ending: &Ending<'_>) -> Vec<String> {
    let (report, args) = (&ending.report, ending.args);
    let mut said: Vec<String> = Vec::new();
    for gate in shut(report) {
        said.push(format!("{}: {}", words(&gate["name"]), words(&gate["fix"])));
    }
    for (count, reason) in groups(list(&ending.status["terminal_failures"]["events"]), "error") {
        said.push(format!("{count} events cannot be delivered: {reason}"));
    }
    let failed = list(&report["bodies"]["outcomes"])
        .iter()
        .filter(|outcome| outcome["status"] == "failed");
    for (count, reason) in groups(failed, "reason") {
        said.push(format!("{count} documents were refused: {reason}"));
    }
    if !report["drain"]["halted"].is_null() {
        said.push(format!(
            "delivery stopped: {}",
            words(&report["drain"]["halted"])
        ));
    }
    if !report["error"]["message"].is_null() {
        said.push(words(&report["error"]["message"]));
    }
    let kind = if args.result == "failure" {
        "error"
    } else {
        "warning"
    };
    let mut lines: Vec<String> = said
        .iter()
        .take(MAX_ANNOTATIONS)
        .map(|text| format!("::{kind} title=sk-sync::{}", command_text(text)))
        .collect();
    if args.result == "notice" {
        let code = args.code;
        lines.push(format!(
            "::notice title=sk-sync::not everything is delivered (exit code {code}); a later run tries again"
        ));
    }
    if args.refused {
        lines.push(
            "::warning title=sk-sync::upload: everybody can read the artifacts of a public repository; say upload: force \
             if that is meant"
                .to_owned(),
        );
    }
    lines
}

/// The summary of the job.
pub(super) fn summary(ending: &Ending<'_>) -> Vec<String> {
    let (report, args) = (&ending.report, ending.args);
    let word = match args.result.as_str() {
        "success" => "done",
        "notice" => "captured, not all delivered",
        _ => "failed",
    };
    let mut lines = vec![
        format!("### sk-sync: {word} (exit code {})", args.code),
        String::new(),
    ];
    let captured = number(&report["capture"]["captured"]);
    if !args.restored {
        lines.push(format!(
            "No journal of an earlier run was found: {captured} facts were captured again."
        ));
        lines.push(String::new());
    }
    if !report["error"]["message"].is_null() {
        lines.extend([plain(&words(&report["error"]["message"])), String::new()]);
    }
    lines.push(
        "| captured now | delivered | in flight | to retry | not tried | undeliverable | blocked |"
            .to_owned(),
    );
    lines.push("|---|---|---|---|---|---|---|".to_owned());
    let balance = &report["balance"];
    let classes = [
        "delivered",
        "in_flight",
        "retryable",
        "untried",
        "undeliverable",
        "blocked",
    ];
    let numbers = classes
        .iter()
        .map(|class| number(&balance[*class]).to_string());
    lines.push(row(std::iter::once(captured.to_string()).chain(numbers)));
    lines.extend(arrived(ending).map(|sentence| format!("\n{sentence}")));
    lines.extend(page(&ending.status).map(|url| format!("\n[The project on the server]({url})")));
    if balance["holds"] == false {
        lines.push("\n**The balance does not hold**: run `sk-sync verify`.".to_owned());
    }
    let gates: Vec<_> = shut(report)
        .map(|gate| vec![words(&gate["name"]), words(&gate["fix"])])
        .collect();
    table(&mut lines, "| failing check | fix |\n|---|---|", &gates);
    let left = list(&report["bodies"]["outcomes"])
        .iter()
        .filter(|outcome| outcome["status"] == "failed" || outcome["retryable"] == true);
    let left: Vec<_> = left
        .map(|o| {
            vec![
                words(&o["mission_slug"]),
                words(&o["path"]),
                words(&o["reason"]),
            ]
        })
        .collect();
    table(
        &mut lines,
        "| mission | document | not uploaded |\n|---|---|---|",
        &left,
    );
    let warnings = list(&report["warnings"]);
    if !warnings.is_empty() {
        lines.push(String::new());
        lines.extend(
            warnings
                .iter()
                .take(MAX_ROWS)
                .map(|warning| format!("- {}", plain(&words(warning)))),
        );
        more(&mut lines, warnings.len());
    }
    lines.push(String::new());
    lines
}

/// The outputs: numbers and fixed words only.
pub(super) fn outputs(ending: &Ending<'_>) -> Vec<String> {
    let (report, args) = (&ending.report, ending.args);
    let balance = &report["balance"];
    let owed: u64 = ["untried", "retryable", "in_flight"]
        .iter()
        .map(|class| number(&balance[*class]))
        .sum();
    vec![
        format!("exit-code={}", args.code),
        format!(
            "result={}",
            if ["success", "notice"].contains(&&*args.result) {
                &args.result
            } else {
                "failure"
            }
        ),
        format!("captured={}", number(&report["capture"]["captured"])),
        format!("delivered={}", number(&balance["delivered"])),
        format!("owed={owed}"),
        format!("restored={}", args.restored),
        format!("documents={}", documents(report)),
    ]
}

/// A comment on the pull request. Its first line distinguishes it from comments of people and of
/// other jobs.
pub(super) fn comment(ending: &Ending<'_>) -> Vec<String> {
    let scope: String = ending
        .args
        .scope
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(80)
        .collect();
    let mut lines = vec![format!("<!-- sk-sync:{scope} -->")];
    lines.push(arrived(ending).unwrap_or_else(|| {
        let code = ending.args.code;
        format!("Not all documents of this pull request are on the server yet (exit code {code}).")
    }));
    let uploaded = list(&ending.report["bodies"]["outcomes"])
        .iter()
        .filter(|o| o["status"] == "uploaded");
    let uploaded: Vec<_> = uploaded
        .map(|o| vec![words(&o["mission_slug"]), words(&o["path"])])
        .collect();
    table(
        &mut lines,
        "| mission | sent by this run |\n|---|---|",
        &uploaded,
    );
    lines
}

/// The statement that the documents are at the target; `None` if some are not, or if the target is
/// the stub.
fn arrived(ending: &Ending<'_>) -> Option<String> {
    let (report, args) = (&ending.report, ending.args);
    let is_proof = args.result == "success"
        && !report["target"].is_null()
        && report["target"]["receiver"] != "stub";
    let commit: String = args
        .commit
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(12)
        .collect();
    let place = if commit.is_empty() {
        String::new()
    } else {
        format!(" as of `{commit}`")
    };
    let (count, noun) = match documents(report) {
        1 => ("1".to_owned(), "document is"),
        count => (count.to_string(), "documents are"),
    };
    is_proof.then(|| {
        format!("**{count} {noun} on the server{place}**: the server acknowledged each of them.")
    })
}

/// The URL of the project's page; `None` if there is none, or if it has a character that means
/// something in Markdown.
fn page(status: &Value) -> Option<&str> {
    let url = status["delivery_targets"]["current"]["page_url"].as_str()?;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-.~:/%".contains(&b);
    (url.starts_with("http") && url.bytes().all(is_plain)).then_some(url)
}

/// Number of documents that the target has acknowledged.
fn documents(report: &Value) -> u64 {
    let bodies = &report["bodies"];
    let by_run = number(&bodies["uploaded"]) + number(&bodies["already_exists"]);
    report["documents"]["balance"]["delivered"]
        .as_u64()
        .unwrap_or(by_run)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn shut(report: &Value) -> impl Iterator<Item = &Value> {
    list(&report["gates"])
        .iter()
        .filter(|gate| gate["open"] == false)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn words(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Number of entries per reason, with numbers and ids masked, and the text of the first one.
fn groups<'a>(entries: impl IntoIterator<Item = &'a Value>, member: &str) -> Vec<(usize, String)> {
    let mut groups: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for entry in entries {
        let reason = words(&entry[member]);
        let digits_aside = reason
            .split(|c: char| c.is_ascii_digit())
            .collect::<Vec<_>>()
            .concat();
        let masked = digits_aside
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !is_id(word))
            .collect();
        groups.entry(masked).or_insert((0, reason)).0 += 1;
    }
    groups.into_values().collect()
}

fn is_id(word: &str) -> bool {
    word.len() >= 4 && word.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Text of a workflow command: one line, without escapes that the runner would interpret.
fn command_text(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    shorten(&line, 300).replace('%', "%25")
}

/// Text in Markdown: everything except letters, digits and simple punctuation becomes character
/// references.
fn plain(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let mut escaped = String::new();
    for c in shorten(&line, 200).chars() {
        if c.is_ascii_alphanumeric() || " .,/;=+%-".contains(c) {
            escaped.push(c);
        } else {
            // Writing to a String cannot fail.
            let _written = write!(escaped, "&#{};", u32::from(c));
        }
    }
    escaped
}

fn row(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<_> = cells.map(|cell| plain(&cell)).collect();
    format!("| {} |", cells.join(" | "))
}

fn table(lines: &mut Vec<String>, head: &str, rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    lines.extend([String::new(), head.to_owned()]);
    lines.extend(
        rows.iter()
            .take(MAX_ROWS)
            .map(|cells| row(cells.iter().cloned())),
    );
    more(lines, rows.len());
}

fn more(lines: &mut Vec<String>, count: usize) {
    if count > MAX_ROWS {
        lines.push(format!("\n… and {} more.", count - MAX_ROWS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_stays_text() {
        assert_eq!(command_text("a\n::error::b %0A"), "a ::error::b %250A");
        assert_eq!(
            plain("<b>|`x`\n@all"),
            "&#60;b&#62;&#124;&#96;x&#96; &#64;all"
        );
    }

    #[test]
    fn only_a_plain_url_is_linked() {
        let status =
            |url: &str| serde_json::json!({"delivery_targets": {"current": {"page_url": url}}});
        let good = "https://hub.example:8443/sub/projects/8a4a7da6-a97c-4bb4-893a-b31664abfee4";
        assert_eq!(page(&status(good)), Some(good));
        for odd in [
            "",
            "javascript:alert(1)",
            "https://h/)[x](https://evil.example",
            "https://h/a b",
            "https://h/<b>",
        ] {
            assert_eq!(page(&status(odd)), None, "{odd}");
        }
        assert_eq!(page(&Value::Null), None);
    }

    #[test]
    fn reasons_are_grouped_without_their_numbers_and_ids() {
        let entries: Value = serde_json::json!([
            {"error": "no lane 12 in 0123abcd"}, {"error": "no lane 7 in 99ffeedd"}, {"error": "other"}
        ]);
        assert_eq!(
            groups(list(&entries), "error"),
            [
                (2, "no lane 12 in 0123abcd".to_owned()),
                (1, "other".to_owned())
            ]
        );
    }
}
