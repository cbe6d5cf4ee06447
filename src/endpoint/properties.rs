//! Properties of the file of agreements to send.

use super::consent::Consent;
use super::grants::{LOCAL, decode, encode};
use crate::event::properties::is_exact;
use crate::http::OriginGrant;

/// What is read is written again to the same agreements, in one form; and an agreement opens its own
/// origin alone.
pub(crate) fn grants_file(bytes: &[u8]) {
    let Ok(grants) = decode(bytes) else { return };
    let values = grants
        .iter()
        .flat_map(|grant| grant.config_keys.values().chain(grant.narrowing.values()));
    if !values.into_iter().all(is_exact) {
        return;
    }
    let written = encode(grants.clone()).unwrap_or_default();
    let again = decode(&written);
    let mut sorted = grants.clone();
    sorted.sort_by(|a, b| a.origin.cmp(&b.origin));
    assert_eq!(again.as_ref(), Ok(&sorted));
    assert_eq!(encode(sorted).unwrap_or_default(), written, "one form");
    let origins: Vec<_> = grants.iter().map(|grant| grant.origin.clone()).collect();
    let consent = Consent::of_grants(grants);
    for (url, origin) in [
        ("https://sync.example.org/x", "https://sync.example.org"),
        (
            "https://sync.example.org:8443",
            "https://sync.example.org:8443",
        ),
    ] {
        let permit = consent.permit(url).ok();
        let expected = origins.iter().any(|o| o == origin).then_some(origin);
        assert_eq!(permit.as_ref().map(OriginGrant::origin), expected);
    }
    assert!(consent.permit(LOCAL).is_err(), "a file is not an origin");
}
