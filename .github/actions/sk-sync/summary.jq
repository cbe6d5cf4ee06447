# The step's summary. Names of files and words of servers become character references: no Markdown, no HTML, no mention.
def plain: tostring | gsub("[\\x00-\\x1f\\x7f]"; " ") | .[0:200]
    | gsub("(?<c>[^0-9A-Za-z .,/;=+%-])"; "&#\(.c | explode[0]);");
def row: "| " + (map(plain) | join(" | ")) + " |";
def more($n): if $n > 20 then "\n… and \($n - 20) more." else "" end;
($report[0]) as $r | ($r.balance // {}) as $b | ($r.capture // {}) as $c |
"### sk-sync: " + (if $result == "success" then "done" elif $result == "notice" then "captured, not all delivered" else "failed" end) + " (exit code \($code))",
"",
(if $restored == "true" then empty else
    "No journal of an earlier run was found: \($c.captured // 0) facts were captured anew.", "" end),
(if $r.error then ($r.error.message | plain), "" else empty end),
"| captured now | delivered | in flight | to retry | not tried | undeliverable | blocked |",
"|---|---|---|---|---|---|---|",
([$c.captured // 0, $b.delivered // 0, $b.in_flight // 0, $b.retryable // 0, $b.untried // 0, $b.undeliverable // 0, $b.blocked // 0] | row),
(if $b.holds == false then "", "**The books do not balance**: run `sk-sync verify`." else empty end),
([$r.gates // [] | .[] | select(.open == false)] | if length > 0 then
    "", "| shut gate | what opens it |", "|---|---|", (.[0:20] | .[] | [.name, .fix] | row), more(length) else empty end),
([$r.bodies.outcomes // [] | .[] | select(.status == "failed" or .retryable == true)] | if length > 0 then
    "", "| mission | document | not uploaded |", "|---|---|---|",
    (.[0:20] | .[] | [.mission_slug, .path, .reason] | row), more(length) else empty end),
([$r.warnings // [] | .[]] | if length > 0 then "", (.[0:20] | .[] | "- " + plain), more(length) else empty end),
""
