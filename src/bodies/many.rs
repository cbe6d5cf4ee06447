//! Meaning of an answer to many documents in one request. Pure.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::base::{Object, Sha256};
use crate::http::{Answer, Failure};

/// The answer for one document.
#[derive(Debug, Clone)]
pub(super) struct ItemAnswer {
    /// The answer, as if the document had been sent alone.
    pub(super) exchange: Result<Answer, Failure>,
    /// True if it concerns the whole request.
    pub(super) is_of_all: bool,
}

impl From<Result<Answer, Failure>> for ItemAnswer {
    fn from(exchange: Result<Answer, Failure>) -> Self {
        Self {
            exchange,
            is_of_all: false,
        }
    }
}

#[derive(Deserialize)]
struct Results<'a> {
    #[serde(borrow)]
    results: Vec<Object<One<'a>>>,
}

#[derive(Deserialize)]
struct One<'a> {
    status: u16,
    #[serde(borrow)]
    answer: &'a RawValue,
}

/// Statuses that mean that the server does not support many documents in a request, or not so many:
/// they are then sent one at a time.
const NOT_UNDERSTOOD: [u16; 9] = [400, 404, 405, 410, 411, 413, 415, 422, 501];

/// Reads an answer to `count` documents; `None` if the server did not support the request: then
/// they are sent one at a time.
pub(super) fn read(exchange: &Result<Answer, Failure>, count: usize) -> Option<Vec<ItemAnswer>> {
    let of_all = |exchange: Result<Answer, Failure>| {
        let mut all = vec![ItemAnswer {
            exchange,
            is_of_all: true,
        }];
        all.resize_with(count, || ItemAnswer {
            exchange: Err(Failure::Refused(String::new())),
            is_of_all: true,
        });
        Some(all)
    };
    let answer = match exchange {
        Ok(answer) => answer,
        Err(failure) => return of_all(Err(failure.clone())),
    };
    match answer.status {
        200 if !answer.is_cut => {
            let Object(read): Object<Results<'_>> = serde_json::from_slice(&answer.body).ok()?;
            let told = |Object(one): &Object<One<'_>>| {
                ItemAnswer::from(Ok(Answer {
                    status: one.status,
                    body: one.answer.get().as_bytes().to_vec(),
                    ..Answer::default()
                }))
            };
            (read.results.len() == count).then(|| read.results.iter().map(told).collect())
        }
        // A proxy that fails only on this request would fail for ever.
        500 if answer.retry_after.is_none() => None,
        status if NOT_UNDERSTOOD.contains(&status) || (200..300).contains(&status) => None,
        _ => of_all(Ok(answer.clone())),
    }
}

/// True if the server asks for the text of the document with this digest.
pub(super) fn needs_text(told: &ItemAnswer, sha256: Sha256) -> bool {
    #[derive(Deserialize)]
    struct Need {
        status: String,
        content_hash: String,
    }
    let need = told
        .exchange
        .as_ref()
        .ok()
        .filter(|answer| answer.status == 200);
    let need = need.and_then(|answer| serde_json::from_slice::<Object<Need>>(&answer.body).ok());
    need.is_some_and(|Object(need)| {
        need.status == "need" && Sha256::from_hex(&need.content_hash) == Some(sha256)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            body: body.as_bytes().to_vec(),
            ..Answer::default()
        }
    }

    #[test]
    fn each_body_gets_its_own_answer() {
        let both = r#"{"results":[{"status":201,"answer":{"status":"stored"}},{"status":404,"answer":{"error":"x"}}]}"#;
        let told = read(&Ok(answer(200, both)), 2).unwrap();
        let of = |at: usize| {
            told[at]
                .exchange
                .as_ref()
                .map(|a| (a.status, String::from_utf8_lossy(&a.body).into_owned()))
        };
        assert_eq!(of(0).unwrap(), (201, r#"{"status":"stored"}"#.to_owned()));
        assert_eq!(of(1).unwrap(), (404, r#"{"error":"x"}"#.to_owned()));
        assert!(told.iter().all(|told| !told.is_of_all));
    }

    #[test]
    fn what_a_server_does_not_understand_goes_one_by_one() {
        for (status, body) in [
            (200, r#"{"results":[]}"#),
            (200, r"[[[201,{}]]]"),
            (200, r#"{"results":[[201,{}]]}"#),
            (200, "<html>"),
            (200, r#"{"results":[{"status":201}]}"#),
            (204, ""),
            (404, ""),
            (405, ""),
            (413, ""),
            (500, ""),
            (501, ""),
        ] {
            assert!(
                read(&Ok(answer(status, body)), 1).is_none(),
                "{status} {body}"
            );
        }
        for status in [401, 403, 429, 502, 503, 504, 302] {
            let told = read(&Ok(answer(status, "")), 3).unwrap();
            assert!(told.len() == 3 && told[0].is_of_all, "{status}");
            assert_eq!(
                told[0].exchange.as_ref().map(|answer| answer.status),
                Ok(status)
            );
        }
        let lost = read(&Err(Failure::Unknown("reset".to_owned())), 2).unwrap();
        assert!(matches!(&lost[0].exchange, Err(Failure::Unknown(words)) if words == "reset"));
    }

    #[test]
    fn a_text_is_wanted_by_its_own_digest() {
        let hash = Sha256::of(b"a");
        let need = |word: &str, hash: Sha256| {
            ItemAnswer::from(Ok(answer(
                200,
                &format!(r#"{{"status":"{word}","content_hash":"{hash}"}}"#),
            )))
        };
        assert!(needs_text(&need("need", hash), hash));
        assert!(
            !needs_text(&need("stored", hash), hash)
                && !needs_text(&need("need", Sha256::of(b"b")), hash)
        );
    }
}
