//! Requests as a scripted server gets them, and its replies.

use std::io::Read as _;
use std::time::Duration;

/// How one request is answered.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A whole answer.
    Answer {
        /// The status code.
        status: u16,
        /// Headers besides `Content-Length`.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// Reads the request, then closes the connection without a word.
    Silence,
    /// Begins an answer of this many bytes, sends half of it, and closes.
    Half(usize),
    /// Sends these bytes one at a time, this far apart.
    Drip(Vec<u8>, Duration),
    /// Sends these bytes, which are a whole answer, and closes.
    Raw(Vec<u8>),
    /// Begins a list of results and sends blanks, this many bytes or until the client has enough.
    Flood(usize),
}

impl Reply {
    /// An answer with a JSON body.
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("Content-Type", "application/json".to_owned())];
        Self::Answer {
            status,
            headers,
            body: body.to_string().into_bytes(),
        }
    }

    /// An answer without a body.
    pub(crate) fn status(status: u16) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// The same answer with one more header.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The method.
    pub(crate) method: String,
    /// The path and query.
    pub(crate) path: String,
    /// The headers, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body as sent.
    pub(crate) raw: Vec<u8>,
    /// Which connection it came on, counted from 0.
    pub(crate) connection: usize,
}

impl Request {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body, unpacked.
    pub(crate) fn body(&self) -> Vec<u8> {
        if self.header("content-encoding") != Some("gzip") {
            return self.raw.clone();
        }
        let mut body = Vec::new();
        flate2::read::GzDecoder::new(&self.raw[..])
            .read_to_end(&mut body)
            .unwrap();
        body
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body()).unwrap()
    }
}
