//! Where the object store is, and what opens it.

use rusty_s3::{Bucket, UrlStyle};
use secrecy::SecretString;

/// Where texts go, as an operator names it.
#[derive(Debug, Clone)]
pub(crate) struct ObjectStore {
    pub(super) bucket: Bucket,
    /// Ends with `/`, unless it is empty.
    pub(super) prefix: String,
    pub(super) key: String,
    pub(super) secret: SecretString,
    pub(super) session: Option<SecretString>,
}

/// What opens an object store; from the environment.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    /// `AWS_ACCESS_KEY_ID`.
    pub(crate) id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub(crate) secret: SecretString,
    /// `AWS_SESSION_TOKEN`, for keys that expire.
    pub(crate) session: Option<SecretString>,
    /// `AWS_REGION`, where the URL names none.
    pub(crate) region: Option<String>,
}

impl ObjectStore {
    /// Reads `s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION`. Without an endpoint it is
    /// AWS.
    pub(crate) fn read(address: &str, keys: Keys) -> Result<Self, String> {
        let url = url::Url::parse(address).map_err(|e| e.to_string())?;
        let name = url
            .host_str()
            .filter(|_| url.scheme() == "s3")
            .ok_or("expected s3://BUCKET/PREFIX")?
            .to_owned();
        let (mut endpoint, mut region) = (None, keys.region);
        for (key, value) in url.query_pairs() {
            match key.as_ref() {
                "endpoint" => {
                    endpoint = Some(url::Url::parse(&value).map_err(|e| format!("endpoint: {e}"))?);
                }
                "region" => region = Some(value.into_owned()),
                other => {
                    return Err(format!(
                        "{other} is not an option; there are endpoint and region"
                    ));
                }
            }
        }
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        let style = if endpoint.is_some() {
            UrlStyle::Path
        } else {
            UrlStyle::VirtualHost
        };
        let aws = || url::Url::parse(&format!("https://s3.{region}.amazonaws.com"));
        let endpoint = endpoint
            .map_or_else(aws, Ok)
            .map_err(|e| format!("region: {e}"))?;
        let bucket = Bucket::new(endpoint, style, name, region).map_err(|e| e.to_string())?;
        let prefix = url.path().trim_matches('/');
        let prefix = if prefix.is_empty() {
            String::new()
        } else {
            format!("{prefix}/")
        };
        Ok(Self {
            bucket,
            prefix,
            key: keys.id,
            secret: keys.secret,
            session: keys.session,
        })
    }
}
