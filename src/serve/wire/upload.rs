//! From the text of a push-content request to one body. Pure.

use serde_json::{Map, Value};

use super::answer::Answer;
use crate::base::Sha256;
use crate::event::NamespaceRef;
use crate::serve::engine::content::{ArtifactVersion, Upload, normalized};
use crate::serve::limits::MAX_BODY_BYTES;

/// The names of the mission's slug and type: today's, and those of the contract of 2026-03.
const CURRENT_NAMES: [&str; 2] = ["mission_slug", "mission_type"];
const OLD_NAMES: [&str; 2] = ["feature_slug", "mission_key"];

/// Reads and checks a request's text. Unknown fields are tolerated.
pub(in crate::serve) fn read(bytes: &[u8]) -> Result<Upload, Answer> {
    read_form(bytes, false)
}

/// One document of several, whose text may be left out.
pub(in crate::serve) fn read_one_of_many(bytes: &[u8]) -> Result<Upload, Answer> {
    read_form(bytes, true)
}

fn read_form(bytes: &[u8], may_lack_text: bool) -> Result<Upload, Answer> {
    let fields: Map<String, Value> = serde_json::from_slice(bytes)
        .map_err(|e| Answer::bad_request(&format!("the request is not a JSON object: {e}")))?;
    let mut form = Form {
        fields: &fields,
        wrong: Vec::new(),
    };
    let [slug, kind] = form.names();
    let namespace = NamespaceRef {
        project_uuid: form.text("project_uuid"),
        mission_slug: form.text(slug),
        target_branch: form.text("target_branch"),
        mission_type: form.text(kind),
        manifest_version: form.text("manifest_version"),
    };
    let path = form.text("artifact_path");
    let claimed = form.hash();
    let content = if may_lack_text && !fields.contains_key("content_body") {
        None
    } else {
        Some(form.content()?)
    };
    let actual = content
        .as_ref()
        .map(|content| Sha256::of(content.as_bytes()));
    if let (Some(claimed), Some(actual)) = (claimed, actual)
        && claimed != actual
    {
        form.wrong.push((
            "content_hash",
            format!("is not the SHA-256 of content_body, which is {actual}"),
        ));
    }
    if form.wrong.is_empty()
        && let Some(actual) = actual.or(claimed)
    {
        let version = ArtifactVersion {
            namespace: normalized(namespace),
            path,
            sha256: actual,
        };
        Ok(Upload { version, content })
    } else {
        Err(Answer::bad_fields(&form.wrong))
    }
}

/// The fields of a request, and what was found wrong with them so far.
struct Form<'a> {
    fields: &'a Map<String, Value>,
    wrong: Vec<(&'static str, String)>,
}

impl Form<'_> {
    /// The names in use for slug and type; a mixture of both contracts is wrong.
    fn names(&mut self) -> [&'static str; 2] {
        let has = |name: &&&str| self.fields.contains_key(**name);
        let old: Vec<_> = OLD_NAMES.iter().filter(has).copied().collect();
        if !old.is_empty() && !CURRENT_NAMES.iter().any(|name| has(&name)) {
            return OLD_NAMES;
        }
        for name in old {
            self.wrong.push((
                name,
                "belongs to an older contract and cannot be combined with its successor".to_owned(),
            ));
        }
        CURRENT_NAMES
    }

    /// The text of a field that must be there and not blank; empty when it is wrong.
    fn text(&mut self, name: &'static str) -> String {
        let message = match self.fields.get(name) {
            Some(Value::String(text)) if text.contains('\0') => "has a NUL character",
            Some(Value::String(text)) if !text.trim().is_empty() => return text.clone(),
            Some(Value::String(_)) => "is blank",
            Some(_) => "is not a string",
            None => "is required",
        };
        self.wrong.push((name, message.to_owned()));
        String::new()
    }

    fn hash(&mut self) -> Option<Sha256> {
        let algorithm = self.text("hash_algorithm");
        if !algorithm.is_empty() && algorithm != "sha256" {
            self.wrong
                .push(("hash_algorithm", "is not sha256".to_owned()));
        }
        let text = self.text("content_hash");
        let hash = Sha256::from_hex(&text);
        if hash.is_none() && !text.is_empty() {
            self.wrong
                .push(("content_hash", "is not 64 hex digits".to_owned()));
        }
        hash
    }

    /// The body's text; too long a one ends the reading at once.
    fn content(&mut self) -> Result<String, Answer> {
        let message = match self.fields.get("content_body") {
            Some(Value::String(text)) if text.len() > MAX_BODY_BYTES => {
                return Err(Answer::body_too_large(MAX_BODY_BYTES));
            }
            Some(Value::String(text)) if !text.is_empty() => return Ok(text.clone()),
            Some(Value::String(_)) => "is empty",
            Some(_) => "is not a string",
            None => "is required",
        };
        self.wrong.push(("content_body", message.to_owned()));
        Ok(String::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::tests::sample;

    /// The fields that are named wrong after setting or removing some of a good request.
    fn wrong(changes: &[(&str, Option<Value>)]) -> Vec<String> {
        let mut request = sample::push("spec.md", "text");
        for (name, value) in changes {
            match value {
                Some(value) => request[*name] = value.clone(),
                None => drop(request.as_object_mut().unwrap().remove(*name)),
            }
        }
        match read(request.to_string().as_bytes()) {
            Ok(upload) => {
                assert_eq!(upload.version, sample::version("spec.md", "text"));
                Vec::new()
            }
            Err(answer) => {
                assert_eq!(answer.status, 400);
                answer.body["fields"]
                    .as_object()
                    .unwrap()
                    .keys()
                    .cloned()
                    .collect()
            }
        }
    }

    #[test]
    fn each_field_is_named_when_it_is_wrong() {
        assert!(wrong(&[]).is_empty());
        assert!(wrong(&[("admission_generation", Some(3.into()))]).is_empty());
        let names = sample::push("spec.md", "text")
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>();
        assert_eq!(names.len(), 9);
        for name in &names {
            for value in [
                None,
                Some(Value::from("")),
                Some(Value::from(5)),
                Some(Value::Null),
            ] {
                let found = wrong(&[(name, value.clone())]);
                assert!(found.contains(name), "{name} = {value:?}: {found:?}");
            }
        }
        assert_eq!(
            wrong(&[("target_branch", Some(" ".into()))]),
            ["target_branch"]
        );
        assert_eq!(
            wrong(&[("artifact_path", Some("a\0b".into()))]),
            ["artifact_path"]
        );
        assert_eq!(
            wrong(&[("hash_algorithm", Some("md5".into()))]),
            ["hash_algorithm"]
        );
        assert_eq!(
            wrong(&[("content_hash", Some("ab".into()))]),
            ["content_hash"]
        );
        assert_eq!(
            wrong(&[("content_body", Some("text\n".into()))]),
            ["content_hash"]
        );
    }

    #[test]
    fn the_older_names_stand_alone_or_not_at_all() {
        let mission = || Some(Value::from("foo-01KRC4HN"));
        let kind = || Some(Value::from("software-dev"));
        let gone = [("mission_slug", None), ("mission_type", None)];
        let with = |more: &[(&'static str, Option<Value>)]| wrong(&[&gone[..], more].concat());
        assert!(with(&[("feature_slug", mission()), ("mission_key", kind())]).is_empty());
        assert_eq!(with(&[("feature_slug", mission())]), ["mission_key"]);
        assert_eq!(wrong(&[("feature_slug", mission())]), ["feature_slug"]);
        assert_eq!(
            wrong(&[("mission_type", None), ("mission_key", kind())]),
            ["mission_key", "mission_type"]
        );
    }

    #[test]
    fn a_long_text_is_refused_by_its_size() {
        let fits = sample::push("spec.md", &"é".repeat(MAX_BODY_BYTES / 2));
        assert!(read(fits.to_string().as_bytes()).is_ok());
        let long = sample::push("spec.md", &"e".repeat(MAX_BODY_BYTES + 1));
        assert_eq!(read(long.to_string().as_bytes()).unwrap_err().status, 413);
        assert_eq!(read(b"[]").unwrap_err().status, 400);
        assert_eq!(read(b"").unwrap_err().status, 400);
    }
}
