//! Which documents a snapshot does not have. It carries a count and a digest over the paths and
//! digests of the documents that are there, and no list; a set of documents that gives the same
//! digest is that list. Pure.

use crate::base::Sha256;

/// The most bytes that are hashed for one snapshot. A mission of 30 documents is decided when 3 of
/// them are gone, one of 300 when one is.
const MOST_BYTES: usize = 16 << 20;
/// The most documents that are found gone, or back, by one snapshot.
const MOST: usize = 4;

/// A document of a mission that has a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) path: String,
    pub(super) sha256: Sha256,
    pub(super) is_gone: bool,
}

/// The places in `told` of the documents that are gone now, or that are back, so that the snapshot
/// is of exactly those that are left; `None` if there is nothing to change, or if that cannot be
/// found out. `told` is in order of path.
pub(super) fn changed(told: &[Told], present: usize, snapshot: &str) -> Option<Vec<usize>> {
    let shown = told.iter().filter(|told| !told.is_gone).count();
    let (are_gone, count) = if present < shown {
        (false, shown - present)
    } else {
        (true, present - shown)
    };
    if count == 0 || count > MOST {
        return None;
    }
    let candidates: Vec<_> = (0..told.len())
        .filter(|at| told[*at].is_gone == are_gone)
        .collect();
    let size: usize = told.iter().map(|told| told.path.len() + 66).sum();
    let tries = MOST_BYTES / size.max(1);
    combinations(candidates.len(), count)
        .take(tries)
        .find_map(|chosen| {
            let chosen: Vec<_> = chosen.into_iter().map(|at| candidates[at]).collect();
            let left = told
                .iter()
                .enumerate()
                .filter(|(at, told)| told.is_gone == chosen.contains(at));
            (digest(left.map(|(_, told)| told)) == snapshot).then_some(chosen)
        })
}

/// The digest of a snapshot of these documents, in order of path.
fn digest<'a>(told: impl Iterator<Item = &'a Told>) -> String {
    let mut lines = String::new();
    for Told { path, sha256, .. } in told {
        let line_end = if lines.is_empty() { "" } else { "\n" };
        lines.extend([line_end, path, "\t", &sha256.to_string()]);
    }
    format!("sha256:{}", Sha256::of(lines.as_bytes()))
}

/// Every choice of `count` of the numbers below `of`, each in order.
fn combinations(of: usize, count: usize) -> impl Iterator<Item = Vec<usize>> {
    let first = (count <= of).then(|| (0..count).collect::<Vec<_>>());
    std::iter::successors(first, move |last| {
        let mut next = last.clone();
        // The last number that can rise does so, and those behind it follow closely.
        let at = (0..count).rev().find(|at| next[*at] < of - count + at)?;
        next[at] += 1;
        for behind in at + 1..count {
            next[behind] = next[behind - 1] + 1;
        }
        Some(next)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(number: usize) -> Vec<Told> {
        (0..number)
            .map(|n| Told {
                path: format!("d{n:03}.md"),
                sha256: Sha256::of(&n.to_be_bytes()),
                is_gone: false,
            })
            .collect()
    }

    fn without(all: &[Told], gone: &[usize]) -> String {
        digest(
            all.iter()
                .enumerate()
                .filter(|(at, _)| !gone.contains(at))
                .map(|(_, told)| told),
        )
    }

    #[test]
    fn combinations_are_complete_and_in_order() {
        let all: Vec<_> = combinations(4, 2).collect();
        assert_eq!(all, [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
        assert_eq!(
            (
                combinations(3, 3).count(),
                combinations(2, 3).count(),
                combinations(10, 4).count()
            ),
            (1, 0, 210)
        );
    }

    /// The value that clients compute, from their own test.
    #[test]
    fn the_digest_is_that_of_the_clients() {
        let of = |path: &str, text: &str| Told {
            path: path.to_owned(),
            sha256: Sha256::of(text.as_bytes()),
            is_gone: false,
        };
        let three = [
            of("plan.md", "b\n"),
            of("research/e.csv", ""),
            of("spec.md", "a\n"),
        ];
        assert_eq!(
            digest(three.iter()),
            "sha256:b81c6b3331deac9f101dc7717b64822ff5804bd354e4a56d36e26e650b139631"
        );
    }

    #[test]
    fn a_few_that_are_gone_are_found_and_only_those() {
        for (number, gone) in [
            (1, vec![0]),
            (30, vec![17]),
            (30, vec![3, 29]),
            (30, vec![0, 12, 28]),
            (300, vec![299]),
        ] {
            let all = told(number);
            let snapshot = without(&all, &gone);
            assert_eq!(
                changed(&all, number - gone.len(), &snapshot),
                Some(gone),
                "{number}"
            );
        }
    }

    #[test]
    fn one_that_is_back_is_found() {
        let mut all = told(10);
        (all[2].is_gone, all[7].is_gone) = (true, true);
        assert_eq!(changed(&all, 9, &without(&all, &[2])), Some(vec![7]));
        assert_eq!(changed(&all, 10, &without(&all, &[])), Some(vec![2, 7]));
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let all = told(30);
        let other = without(&told(31), &[]);
        for present in [0, 25, 29, 30, 31, usize::MAX] {
            assert_eq!(changed(&all, present, &other), None, "{present}");
        }
        assert_eq!(
            changed(&all, 30, &without(&all, &[])),
            None,
            "nothing is gone"
        );
        assert_eq!(changed(&[], 0, "sha256:"), None);
        // Bounded, however many there are.
        assert_eq!(changed(&told(5000), 4997, &other), None);
    }
}
