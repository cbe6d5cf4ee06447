//! The parity hash: one digest over all artifacts of a mission.

use super::artifact::Artifact;
use crate::base::{Sha256, digest};

/// Input of the digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ParityForm {
    /// Paths and contents; as current servers compute it. Written with the prefix `sha256:`.
    #[default]
    Path,
    /// Contents only: the older form, which ignores renames. Written without a prefix.
    Content,
}

/// The parity hash of the present artifacts, in any order.
pub(super) fn parity(form: ParityForm, artifacts: &[Artifact]) -> String {
    let present = artifacts.iter().filter(|a| a.is_present);
    let mut pairs: Vec<(&str, Sha256)> = present
        .filter_map(|a| Some((a.path.as_str(), a.sha256?)))
        .collect();
    match form {
        ParityForm::Path => {
            pairs.sort_unstable();
            let mut lines = String::with_capacity(pairs.len() * 128);
            for (path, hash) in pairs {
                let parts = if lines.is_empty() {
                    ["", path, "\t"]
                } else {
                    ["\n", path, "\t"]
                };
                lines.extend(parts);
                lines.push_str(&digest::hex(hash.as_bytes()));
            }
            format!("sha256:{}", Sha256::of(lines.as_bytes()))
        }
        ParityForm::Content => {
            pairs.sort_unstable_by_key(|(_, hash)| *hash);
            let hashes: Vec<String> = pairs
                .iter()
                .map(|(_, hash)| digest::hex(hash.as_bytes()))
                .collect();
            Sha256::of(hashes.concat().as_bytes()).to_string()
        }
    }
}

/// A difference between a mission and its baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drift {
    /// The baseline's parity hash.
    pub(crate) expected: String,
    /// The mission's parity hash, in the same form.
    pub(crate) actual: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::artifact::from_reading;
    use crate::dossier::digest::Reading;

    fn artifact(path: &str, content: &str, is_utf8: bool) -> Artifact {
        let sha256 = Sha256::of(content.as_bytes());
        from_reading(
            None,
            path.to_owned(),
            Reading::Read {
                sha256,
                size: content.len() as u64,
                is_utf8,
            },
        )
        .unwrap()
    }

    #[test]
    fn golden_values() {
        let three = [
            artifact("spec.md", "a\n", true),
            artifact("research/e.csv", "", true),
            artifact("plan.md", "b\n", true),
        ];
        assert_eq!(
            parity(ParityForm::Content, &three),
            "4a235d47e424cdced96b0304955faea709c0e62932a553a7b3f3f74beeafe035"
        );
        assert_eq!(
            parity(ParityForm::Path, &three),
            "sha256:b81c6b3331deac9f101dc7717b64822ff5804bd354e4a56d36e26e650b139631"
        );
        assert_eq!(
            parity(ParityForm::Content, &[]),
            Sha256::of(b"").to_string()
        );
    }

    #[test]
    fn a_rename_shows_in_the_path_form_only_and_absent_ones_in_none() {
        let before = [artifact("a.md", "x", true)];
        let after = [
            artifact("b.md", "x", true),
            artifact("c.csv", "\u{1}", false),
        ];
        assert_eq!(
            parity(ParityForm::Content, &before),
            parity(ParityForm::Content, &after)
        );
        assert_ne!(
            parity(ParityForm::Path, &before),
            parity(ParityForm::Path, &after)
        );
        assert_eq!(
            parity(ParityForm::Path, &after[..1]),
            parity(ParityForm::Path, &after)
        );
    }
}
