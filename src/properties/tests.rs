//! Every property over the committed inputs and random changes of them: what fuzzing does for
//! hours, for a moment.
//!
//! `PROPTEST_CASES=20000` tries more changes.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

use super::PROPERTIES;

/// Pieces that the readers look for.
const PIECES: [&[u8]; 30] = [
    b"\"",
    b"\\",
    b"\\ud800",
    b"\\u0000",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\n",
    b"\r\n",
    b"\t",
    b" ",
    b"\0",
    b"<",
    b">",
    b"&",
    b"'",
    b"=",
    b"-",
    b"1e999",
    b"NaN",
    b"null",
    b"9007199254740993",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"#",
    b"|",
];

fn inputs(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(name);
    let files = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect::<BTreeSet<_>>();
    files
        .into_iter()
        .map(|file| (file.clone(), std::fs::read(file).unwrap()))
        .collect()
}

/// An input, shown with its other than printable bytes escaped.
#[derive(Clone)]
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// A change of some bytes.
#[derive(Debug, Clone)]
enum Change {
    Put(Index, Vec<u8>),
    Cut(Index, usize),
    Flip(Index, u8),
    Copy(Index, usize, Index),
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        let piece = prop_oneof![
            prop::sample::select(&PIECES[..]).prop_map(<[u8]>::to_vec),
            prop::collection::vec(any::<u8>(), 1..5),
        ];
        prop_oneof![
            3 => (any::<Index>(), piece).prop_map(|(at, piece)| Self::Put(at, piece)),
            2 => (any::<Index>(), 1_usize..40).prop_map(|(at, length)| Self::Cut(at, length)),
            2 => (any::<Index>(), 0_u8..8).prop_map(|(at, bit)| Self::Flip(at, bit)),
            1 => (any::<Index>(), 1_usize..80, any::<Index>()).prop_map(|(from, length, to)| Self::Copy(from, length, to)),
        ]
    }

    fn of(&self, bytes: &mut Vec<u8>) {
        let end = |at: usize, length: usize, bytes: &[u8]| (at + length).min(bytes.len());
        match self {
            Self::Put(at, piece) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, piece.iter().copied());
            }
            Self::Cut(at, length) => {
                let at = at.index(bytes.len() + 1);
                bytes.drain(at..end(at, *length, bytes));
            }
            Self::Flip(at, bit) => {
                let at = at.index(bytes.len() + 1);
                bytes
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|byte| *byte ^= 1 << bit);
            }
            Self::Copy(from, length, to) => {
                let (from, to) = (from.index(bytes.len() + 1), to.index(bytes.len() + 1));
                let piece = bytes[from..end(from, *length, bytes)].to_vec();
                bytes.splice(to..to, piece);
            }
        }
    }
}

fn changed(inputs: Vec<Vec<u8>>) -> impl Strategy<Value = Input> {
    (
        prop::sample::select(inputs),
        prop::collection::vec(Change::any(), 0..8),
    )
        .prop_map(|(mut bytes, changes)| {
            for change in &changes {
                change.of(&mut bytes);
            }
            Input(bytes)
        })
}

#[test]
fn every_property_holds_for_the_inputs_and_random_changes_of_them() {
    let mut broken = Vec::new();
    for property in &PROPERTIES {
        let inputs = inputs(property.name);
        assert!(inputs.len() > 2, "{property:?} has {} inputs", inputs.len());
        let fails = |bytes: &[u8]| catch_unwind(|| (property.check)(bytes)).is_err();
        let flawed = inputs
            .iter()
            .filter(|(_, bytes)| fails(bytes))
            .map(|(file, _)| file.display().to_string());
        broken.extend(flawed);
        let bytes = inputs
            .into_iter()
            .map(|(_, bytes)| bytes)
            .chain([Vec::new()])
            .collect();
        let mut runner = TestRunner::new(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        if let Err(failure) = runner.run(&changed(bytes), |input| {
            (property.check)(&input.0);
            Ok(())
        }) {
            broken.push(format!("{property:?}: {failure}"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A fuzz target without a property, or a property without inputs, would be forgotten.
#[test]
fn every_property_has_inputs_and_no_other_directory_is_there() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let there: BTreeSet<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        there,
        PROPERTIES
            .iter()
            .map(|property| property.name.to_owned())
            .collect()
    );
}
