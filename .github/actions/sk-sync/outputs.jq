# The action's outputs: numbers and fixed words only, so that no value can end its line.
def count: (tonumber? // 0) | floor;
($report[0]) as $r | ($r.balance // {}) as $b |
"exit-code=\($code | count)",
"result=\($result)",
"captured=\($r.capture.captured // 0 | count)",
"delivered=\($b.delivered // 0 | count)",
"owed=\([$b.untried, $b.retryable, $b.in_flight] | map(. // 0 | count) | add)",
"restored=\($restored)"
