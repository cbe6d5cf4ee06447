//! A JSON object from outside, which is nothing else than an object.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// A `T` that is written as an object. The readers that serde derives also take a list of the
/// members in their order, so `["a", 1]` would be a record, an event or a request.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Named<'a> {
        name: &'a str,
        #[serde(borrow)]
        rest: Vec<Object<Rest<'a>>>,
    }

    #[derive(serde::Deserialize)]
    struct Rest<'a> {
        #[serde(borrow)]
        raw: &'a RawValue,
    }

    fn read(text: &str) -> Result<(&str, Vec<&str>), String> {
        let Object(named): Object<Named<'_>> =
            serde_json::from_str(text).map_err(|e| e.to_string())?;
        let rest = named.rest.iter().map(|Object(rest)| rest.raw.get());
        Ok((named.name, rest.collect()))
    }

    #[test]
    fn members_have_names_at_every_depth() {
        assert_eq!(
            read(r#" {"rest":[{"raw":[1, 2]}],"more":0,"name":"n"}"#),
            Ok(("n", vec!["[1, 2]"]))
        );
        for text in [
            r#"["n",[]]"#,
            r#"{"name":"n","rest":[[1]]}"#,
            "null",
            r#""n""#,
        ] {
            let why = read(text).unwrap_err();
            assert!(why.contains("expected an object"), "{text}: {why}");
        }
    }
}
