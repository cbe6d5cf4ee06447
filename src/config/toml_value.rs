//! A TOML value as JSON.

use serde_json::Value as Json;
use toml::de::DeValue;

/// One TOML value, as in the text of a variable; `None` if it is not one.
pub(super) fn parse_value(text: &str) -> Option<Json> {
    DeValue::parse(text)
        .ok()
        .map(|value| to_json(value.get_ref()))
}

/// The same value as JSON. Dates become text: no key has one.
pub(super) fn to_json(value: &DeValue<'_>) -> Json {
    match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Json::Null, Json::from)
        }
        DeValue::Float(number) => number
            .as_str()
            .parse::<f64>()
            .map_or(Json::Null, Json::from),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(moment) => moment.to_string().into(),
        DeValue::Array(items) => items.iter().map(|i| to_json(i.get_ref())).collect(),
        DeValue::Table(table) => Json::Object(
            table
                .iter()
                .map(|(k, v)| (k.get_ref().to_string(), to_json(v.get_ref())))
                .collect(),
        ),
    }
}
