//! Extensions of the contract that a server lists. Others are not used.

use serde_json::Value;

/// The extensions that this program supports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// Many documents in one request.
    pub(crate) document_batch: bool,
    /// The newest event for each key of a project.
    pub(crate) facts: bool,
    /// Ids and digests of stored data.
    pub(crate) states: bool,
}

impl Capabilities {
    /// Reads the list of a health response; malformed and unknown entries are ignored.
    pub(super) fn read(list: Option<&Value>) -> Self {
        let names = list
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        names.fold(Self::default(), Self::with)
    }

    /// Parses the result of [`Self::words`].
    pub(super) fn of_words(words: &str) -> Self {
        words.split(' ').fold(Self::default(), Self::with)
    }

    /// Their names, separated by blanks.
    pub(super) fn words(self) -> String {
        let names = [
            (self.document_batch, "document-batch"),
            (self.facts, "facts"),
            (self.states, "states"),
        ];
        names
            .into_iter()
            .filter_map(|(is_there, name)| is_there.then_some(name))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn with(self, name: &str) -> Self {
        match name {
            "document-batch" => Self {
                document_batch: true,
                ..self
            },
            "facts" => Self {
                facts: true,
                ..self
            },
            "states" => Self {
                states: true,
                ..self
            },
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_listed_is_there() {
        let all = Capabilities {
            document_batch: true,
            facts: true,
            states: true,
        };
        let read = |list: &Value| Capabilities::read(Some(list));
        assert_eq!(
            read(&json!(["states", "else", 7, "facts", "document-batch"])),
            all
        );
        for odd in [
            json!(null),
            json!("facts"),
            json!({"facts": true}),
            json!([["facts"]]),
            json!(["FACTS"]),
        ] {
            assert_eq!(read(&odd), Capabilities::default(), "{odd}");
        }
        for some in [
            all,
            Capabilities::default(),
            Capabilities {
                facts: true,
                ..Capabilities::default()
            },
        ] {
            assert_eq!(Capabilities::of_words(&some.words()), some);
        }
    }
}
