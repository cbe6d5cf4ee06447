//! Name resolution for one granted host.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::client::{NoSuchHost, words};

/// Resolves the granted host once: a run is short, and otherwise the library would start a thread for each request. For
/// a loopback grant only loopback addresses are kept.
#[derive(Debug)]
pub(super) struct GrantedResolver {
    inner: DefaultResolver,
    is_loopback: bool,
    known: Mutex<Vec<SocketAddr>>,
}

impl GrantedResolver {
    pub(super) fn new(is_loopback: bool) -> Self {
        Self { inner: DefaultResolver::default(), is_loopback, known: Mutex::new(Vec::new()) }
    }
}

impl Resolver for GrantedResolver {
    fn resolve(
        &self,
        uri: &ureq::http::Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_empty() {
            let found = self.inner.resolve(uri, config, timeout).map_err(|error| match error {
                timeout @ ureq::Error::Timeout(_) => timeout,
                error => ureq::Error::Other(Box::new(NoSuchHost(format!(
                    "no such host: {} (DNS: {})",
                    uri.host().unwrap_or_default(),
                    words(&error)
                )))),
            })?;
            known.extend(found.iter().filter(|a| !self.is_loopback || a.ip().is_loopback()));
        }
        let mut kept = self.empty();
        known.iter().for_each(|address| kept.push(*address));
        if kept.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(kept) }
    }
}
