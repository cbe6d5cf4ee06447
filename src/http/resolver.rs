//! Name resolution for one granted host.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Mutex;

use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::failure::{NoSuchHost, words};
use crate::base::mutex::held;

/// The addresses that a host name may resolve to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Every address.
    Any,
    /// Those of this machine.
    Loopback,
    /// Those of the internet: a name that a stranger controls must not lead into a private network.
    Public,
}

impl Reach {
    fn has(self, ip: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Loopback => ip.is_loopback(),
            Self::Public => is_public(ip),
        }
    }
}

/// True for an address of the internet. Addresses of IPv6 that stand for one of IPv4 count as that.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => {
            let [first, second, .., high, low] = ip.segments();
            let embedded = |high: u16, low: u16| {
                let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
                is_public_v4(Ipv4Addr::new(a, b, c, d))
            };
            match (first, second) {
                _ if ip.to_ipv4_mapped().is_some() => embedded(high, low),
                // NAT64, and 6to4.
                (0x64, 0xff9b) => embedded(high, low),
                (0x2002, high) => embedded(high, ip.segments()[2]),
                // Documentation, and tunnels whose other end is encoded in the address.
                (0x2001, 0xdb8 | 0) => false,
                _ => is_global_unicast(ip),
            }
        }
    }
}

/// `2000::/3` is all that is given out.
const fn is_global_unicast(ip: Ipv6Addr) -> bool {
    ip.segments()[0] & 0xe000 == 0x2000
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let is_special = ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_multicast();
    let is_reserved = match ip.octets() {
        [0 | 240..=255, ..] | [192, 0, 0, _] | [198, 18 | 19, ..] => true,
        [100, second, ..] => (64..128).contains(&second),
        _ => ip.is_documentation(),
    };
    !is_special && !is_reserved
}

/// Resolves the granted host once: a run is short, and otherwise the library would start a thread
/// for each request. Only addresses within the reach of the grant are kept.
#[derive(Debug)]
pub(super) struct GrantedResolver {
    inner: DefaultResolver,
    reach: Reach,
    known: Mutex<Vec<SocketAddr>>,
}

impl GrantedResolver {
    pub(super) fn new(reach: Reach) -> Self {
        Self {
            inner: DefaultResolver::default(),
            reach,
            known: Mutex::new(Vec::new()),
        }
    }
}

impl Resolver for GrantedResolver {
    fn resolve(
        &self,
        uri: &ureq::http::Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut known = held(&self.known);
        if known.is_empty() {
            let found = self
                .inner
                .resolve(uri, config, timeout)
                .map_err(|error| match error {
                    timeout @ ureq::Error::Timeout(_) => timeout,
                    error => ureq::Error::Other(Box::new(NoSuchHost(format!(
                        "no such host: {} (DNS: {})",
                        uri.host().unwrap_or_default(),
                        words(&error)
                    )))),
                })?;
            known.extend(found.iter().filter(|address| self.reach.has(address.ip())));
        }
        let mut kept = self.empty();
        known.iter().for_each(|address| kept.push(*address));
        match (kept.is_empty(), self.reach) {
            (false, _) => Ok(kept),
            (true, Reach::Public) => Err(ureq::Error::Other(Box::new(NoSuchHost(format!(
                "{} has no public address, and no private one was allowed",
                uri.host().unwrap_or_default()
            ))))),
            (true, Reach::Any | Reach::Loopback) => Err(ureq::Error::HostNotFound),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_in_every_spelling_are_not_public() {
        for ip in [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::1",
            "2001:db8::1",
            "2001:0:1::1",
        ] {
            assert!(!Reach::Public.has(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "1.1.1.1",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "2606:4700::1111",
            "2002:101:101::1",
            "64:ff9b::101:101",
        ] {
            assert!(Reach::Public.has(ip.parse().unwrap()), "{ip}");
        }
        assert!(
            Reach::Loopback.has(IpAddr::V6(Ipv6Addr::LOCALHOST))
                && !Reach::Loopback.has("10.0.0.1".parse().unwrap())
        );
    }
}
