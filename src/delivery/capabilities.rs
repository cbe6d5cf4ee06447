//! What a server says that it can do beyond the contract. Nothing is used that it does not list.

use serde_json::Value;

/// The extensions that this program knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// Many documents in one request.
    pub(crate) document_batch: bool,
    /// The newest event about each thing of a project.
    pub(crate) facts: bool,
    /// Ids and digests of what is there.
    pub(crate) states: bool,
}

impl Capabilities {
    /// Reads the list of a health answer; whatever is odd or unknown is not there.
    pub(super) fn read(list: Option<&Value>) -> Self {
        let names = list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        names.fold(Self::default(), Self::with)
    }

    /// Reads what [`Self::words`] gave.
    pub(super) fn of_words(words: &str) -> Self {
        words.split(' ').fold(Self::default(), Self::with)
    }

    /// Their names, separated by blanks.
    pub(super) fn words(self) -> String {
        let names = [(self.document_batch, "document-batch"), (self.facts, "facts"), (self.states, "states")];
        names.into_iter().filter_map(|(is_there, name)| is_there.then_some(name)).collect::<Vec<_>>().join(" ")
    }

    fn with(self, name: &str) -> Self {
        match name {
            "document-batch" => Self { document_batch: true, ..self },
            "facts" => Self { facts: true, ..self },
            "states" => Self { states: true, ..self },
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
        let all = Capabilities { document_batch: true, facts: true, states: true };
        let read = |list: &Value| Capabilities::read(Some(list));
        assert_eq!(read(&json!(["states", "else", 7, "facts", "document-batch"])), all);
        for odd in [json!(null), json!("facts"), json!({"facts": true}), json!([["facts"]]), json!(["FACTS"])] {
            assert_eq!(read(&odd), Capabilities::default(), "{odd}");
        }
        for some in [all, Capabilities::default(), Capabilities { facts: true, ..Capabilities::default() }] {
            assert_eq!(Capabilities::of_words(&some.words()), some);
        }
    }
}
