# One annotation for each group of reasons, at most ten. Text from outside cannot start a command of its own.
def shown: tostring | gsub("[\\x00-\\x1f\\x7f]"; " ") | .[0:300] | gsub("%"; "%25");
def masked: tostring | gsub("[0-9a-fA-F]{8,}"; "…") | gsub("[0-9]+"; "…");
def kind: if $result == "failure" then "error" else "warning" end;
($report[0]) as $r | ($status[0]) as $s |
([
    ($r.gates // [] | map(select(.open == false)) | .[] | "the gate \(.name) is shut: \(.fix)"),
    ($s.terminal_failures.events // [] | group_by(.error | masked) | .[] |
        "\(length) events cannot be delivered: \(.[0].error)"),
    ($r.bodies.outcomes // [] | map(select(.status == "failed")) | group_by(.reason | masked) | .[] |
        "\(length) documents were refused: \(.[0].reason)"),
    ($r.drain.halted // empty | "delivery stopped: \(.)"),
    ($r.error.message // empty)
] | .[0:10] | .[] | "::\(kind) title=sk-sync::\(shown)"),
(if $result == "notice" then
    "::notice title=sk-sync::not everything is delivered (exit code \($code)); a later run tries again"
 else empty end),
(if $refused == "true" then
    "::warning title=sk-sync::upload: everybody can read the artifacts of a public repository; say upload: force if that is meant"
 else empty end)
