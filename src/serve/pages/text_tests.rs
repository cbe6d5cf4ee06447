//! Hostile and huge texts.

use super::*;

fn html_of(text: &str) -> String {
    markdown(text, "tasks/WP01.md", "u", "m").into_string()
}

/// The tags of a page with their attributes.
fn tags(html: &str) -> Vec<String> {
    html.split('<')
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn nothing_of_a_text_runs_or_loads() {
    for attack in [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "<svg/onload=alert(1)>",
        "<iframe srcdoc='<script>1</script>'>\n\ntext",
        "<!--><script>alert(1)</script>-->",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<?php echo 1 ?>",
        "<style>*{background:url(//evil.example)}</style>",
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt:alert(1))",
        "[a](java\tscript:alert(1))",
        "[a](&#106;avascript:alert(1))",
        "[a](&#x6A;avascript&#x3A;alert(1))",
        "[a](vbscript:x)",
        "[a](data:text/html;base64,PHNjcmlwdD4=)",
        "[a](file:///etc/passwd)",
        "[a](blob:https://x/y)",
        "<javascript:alert(1)>",
        "<data:text/html,x>",
        "[a][b]\n\n[b]: javascript:alert(1) \"onclick='x'\"",
        "![a](https://evil.example/pixel.png)",
        "![a](javascript:alert(1))",
        "[![a](data:image/svg+xml,<svg onload=x>)](javascript:x)",
        "[a](../../other/spec.md)",
        "[a](//evil.example/x)",
        "[a](/sign-out)",
        "[a](\\\\evil.example\\x)",
        "[a](https://x/\" onclick=\"alert(1))",
        "[a](<https://x/\"onclick=alert(1)//>)",
        "# x {#id onclick=alert(1) .lane-done}",
        "```html onload=alert(1)\n</code></pre><script>1</script>\n```",
        "| a | b |\n|---|---|\n| <script>1</script> | </table><script> |",
        "[^1]: <script>alert(1)</script>",
        "- [x] <input autofocus onfocus=alert(1)>",
        "> [!NOTE]\n> <script>1</script>",
        "---\ntitle: <script>\n---\n<script>1</script>",
    ] {
        let html = html_of(attack);
        for tag in tags(&html) {
            let name = tag
                .trim_start_matches('/')
                .split([' ', '\n'])
                .next()
                .unwrap_or_default();
            let known = [
                "article",
                "p",
                "a",
                "em",
                "strong",
                "code",
                "pre",
                "ul",
                "ol",
                "li",
                "blockquote",
                "table",
                "thead",
                "tbody",
                "tr",
                "th",
                "td",
                "h1",
                "input",
                "hr",
                "br",
                "del",
                "/p",
            ];
            assert!(known.contains(&name), "{attack}: <{tag}>");
            assert!(
                !tag.contains(" on") && !tag.contains("src=") && !tag.contains("style="),
                "{attack}: <{tag}>"
            );
            if let Some((_, link)) = tag.split_once("href=\"") {
                let ok = [
                    "https://",
                    "http://",
                    "mailto:",
                    "/projects/u/document?mission=m&amp;path=",
                ];
                assert!(
                    ok.iter().any(|ok| link.starts_with(ok)),
                    "{attack}: <{tag}>"
                );
            }
        }
    }
}

#[test]
fn good_links_stay() {
    let html = html_of(
        "[a](plan.md) [b](https://example.org/x?y=1) <mailto:a@example.org> [c](../spec.md#part)",
    );
    for link in [
        "\"/projects/u/document?mission=m&amp;path=tasks%2Fplan.md\"",
        "\"https://example.org/x?y=1\"",
        "\"mailto:a@example.org\"",
        "path=spec.md\"",
    ] {
        assert!(html.contains(link), "{link}: {html}");
    }
}

#[test]
fn a_link_has_no_link_in_it_and_a_table_no_style() {
    let html = html_of("[a <https://example.org/x> b](plan.md)\n\n| a |\n|--:|\n| 1 |\n");
    assert_eq!(html.matches("<a ").count(), 1, "{html}");
    assert!(
        html.contains("https://example.org/x")
            && html.contains("<td>1</td>")
            && !html.contains("style"),
        "{html}"
    );
}

#[test]
fn deep_and_long_texts_are_bounded() {
    for text in [
        ">".repeat(10_000) + " deep",
        "> ".repeat(10_000) + "deep",
        "- ".repeat(10_000) + "deep",
        "a".repeat(1 << 20),
        "<".repeat(1 << 20),
        "[".repeat(100_000),
        "*a ".repeat(100_000),
        "| a ".repeat(50_000) + "\n" + &"|---".repeat(50_000) + "\n",
        "&amp;".repeat(200_000),
        "[a](https://example.org/b)\n\n".repeat(20_000),
        "\u{202e}".repeat(200_000),
    ] {
        let html = html_of(&text);
        assert!(
            html.len() < 200_000,
            "{} bytes of {}",
            html.len(),
            text.chars().take(10).collect::<String>()
        );
        assert_eq!(
            html.matches("<blockquote>").count(),
            html.matches("</blockquote>").count()
        );
        assert!(html.matches("<blockquote>").count() <= DEPTH);
        let plain = rendered(&text, "data.json", "u", "m").into_string();
        assert!(plain.len() < MOST_BYTES * 9, "{}", plain.len());
    }
}

#[test]
fn directions_and_hidden_characters_are_told() {
    let html = html_of("a\u{202e}b\u{200b}c\u{1b}[2J");
    assert!(html.contains("a\\u{202e}b\\u{200b}c\\u{1b}[2J"), "{html}");
}

#[test]
fn changes_are_lines_with_their_signs_and_bounded() {
    let html = changes("one\ntwo\nthree\n", "one\n<b>2</b>\nthree\n").into_string();
    assert!(html.contains("removed: </span><code>two"), "{html}");
    assert!(
        html.contains("added: </span><code>&lt;b&gt;2&lt;/b&gt;"),
        "{html}"
    );
    assert!(changes("a", "a").into_string().contains("No line differs"));
    let long = changes(&"a\n".repeat(100_000), &"b\n".repeat(100_000)).into_string();
    assert!(
        long.len() < 400_000 && long.contains("raw view"),
        "{}",
        long.len()
    );
    assert!(
        changes(&"a".repeat(1 << 20), &"b".repeat(1 << 20))
            .into_string()
            .len()
            < 10_000
    );
}
