//! Resolves the mission names of the command line. Pure.

use crate::base::text::nearest;

/// A mission that can be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known<'a> {
    pub(super) slug: &'a str,
    /// Its directory from the top of the project; empty for a list of documents.
    pub(super) place: &'a str,
}

/// The slug that `asked` means: a slug, a directory, or the beginning of exactly one slug.
/// Surrounding blanks, line ends and a trailing `/` are ignored. `Err` with similar slugs, or with
/// all slugs that have this beginning.
pub(super) fn resolve(asked: &str, known: &[Known<'_>]) -> Result<String, Vec<String>> {
    let word = asked.trim().trim_start_matches("./").trim_end_matches('/');
    let last = |place: &str| place.rsplit('/').next().unwrap_or_default().to_owned();
    let is_meant: [&dyn Fn(&Known<'_>) -> bool; 4] = [
        &|known| known.slug == word,
        &|known| known.place == word,
        &|known| last(known.place) == word,
        &|known| known.slug.starts_with(word),
    ];
    for is_meant in is_meant {
        let found: Vec<_> = known
            .iter()
            .filter(|known| !word.is_empty() && is_meant(known))
            .map(|k| k.slug)
            .collect();
        match found.as_slice() {
            [] => {}
            [one] => return Ok((*one).to_owned()),
            several => {
                return Err(several
                    .iter()
                    .take(3)
                    .map(|slug| (*slug).to_owned())
                    .collect());
            }
        }
    }
    let mut near = Vec::new();
    let mut rest: Vec<&str> = known.iter().map(|known| known.slug).collect();
    while let Some(found) =
        nearest(last(word).as_str(), rest.iter().copied()).filter(|_| near.len() < 3)
    {
        near.push(found.to_owned());
        rest.retain(|slug| *slug != found);
    }
    Err(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_mission() {
        let known = [
            Known {
                slug: "001-demo",
                place: "kitty-specs/001-demo",
            },
            Known {
                slug: "001-diary",
                place: "kitty-specs/001-diary",
            },
            Known {
                slug: "fix",
                place: "openspec/changes/archive/2026-01-02-fix",
            },
            Known {
                slug: "openspec.project",
                place: "",
            },
        ];
        for (asked, wanted) in [
            ("001-demo", "001-demo"),
            (" 001-demo\r\n", "001-demo"),
            ("001-demo/", "001-demo"),
            ("./kitty-specs/001-demo/", "001-demo"),
            ("001-de", "001-demo"),
            ("2026-01-02-fix", "fix"),
            ("openspec/changes/archive/2026-01-02-fix", "fix"),
            ("openspec", "openspec.project"),
        ] {
            assert_eq!(resolve(asked, &known).as_deref(), Ok(wanted), "{asked:?}");
        }
        for (asked, near) in [
            ("001-dmeo", &["001-demo"][..]),
            ("001-d", &["001-demo", "001-diary"]),
            ("kitty-specs/001-dmo", &["001-demo"]),
            ("nothing like it", &[]),
            ("", &[]),
        ] {
            let wanted = near
                .iter()
                .map(|slug| (*slug).to_owned())
                .collect::<Vec<_>>();
            let found = resolve(asked, &known).unwrap_err();
            assert!(
                wanted.iter().all(|slug| found.contains(slug))
                    && (found.is_empty() == near.is_empty()),
                "{asked:?}: {found:?}"
            );
        }
    }
}
