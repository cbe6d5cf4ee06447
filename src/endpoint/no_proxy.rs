//! Which hosts a person wants to reach without the proxy: the rules of `NO_PROXY`, as curl and Go
//! read them. Pure.

use std::net::IpAddr;

/// True when `list` (entries with commas or blanks between them) names `host`, or its `port`. An
/// entry is `*`, a name that stands for itself and all names below it (also as `.name` or
/// `*.name`), an address, or a range of addresses (`10.0.0.0/8`); a name or address may have a
/// port.
pub(super) fn covers(list: &str, host: &str, port: u16) -> bool {
    let host = unbracketed(host).trim_end_matches('.').to_ascii_lowercase();
    list.split([',', ' ', '\t'])
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .any(|entry| matches(entry, &host, port))
}

fn matches(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    let (name, wanted) = with_port(entry);
    if wanted.is_some_and(|wanted| wanted != port) {
        return false;
    }
    let name = unbracketed(name).to_ascii_lowercase();
    if let Ok(address) = host.parse::<IpAddr>() {
        return name.parse() == Ok(address)
            || range(&name).is_some_and(|(base, bits)| is_within(address, base, bits));
    }
    let name = name
        .trim_start_matches("*.")
        .trim_start_matches('.')
        .trim_end_matches('.');
    !name.is_empty()
        && host
            .strip_suffix(name)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// An entry apart from its port. An IPv6 address has one only behind brackets.
fn with_port(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((name, port)) if name.ends_with(']') || !name.contains(':') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

fn range(text: &str) -> Option<(IpAddr, u32)> {
    let (base, bits) = text.split_once('/')?;
    Some((base.parse().ok()?, bits.parse().ok()?))
}

fn is_within(address: IpAddr, base: IpAddr, bits: u32) -> bool {
    match (address, base) {
        (IpAddr::V4(address), IpAddr::V4(base)) if bits <= 32 => {
            let shift = 32 - bits;
            address.to_bits().checked_shr(shift) == base.to_bits().checked_shr(shift)
        }
        (IpAddr::V6(address), IpAddr::V6(base)) if bits <= 128 => {
            let shift = 128 - bits;
            address.to_bits().checked_shr(shift) == base.to_bits().checked_shr(shift)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_names_suffixes_addresses_and_ranges() {
        for (list, host, expected) in [
            ("", "h.example", false),
            ("*", "h.example", true),
            ("h.example", "h.example", true),
            ("H.Example.", "h.example", true),
            ("example", "h.example", true),
            (".example", "h.example", true),
            ("*.example", "h.example", true),
            ("other, h.example", "h.example", true),
            ("other h.example", "h.example", true),
            ("ample", "h.example", false),
            ("h.example.org", "h.example", false),
            ("h.example:443", "h.example", true),
            ("h.example:8443", "h.example", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("0.0.0.0/0", "11.1.2.3", true),
            ("10.0.0.0/33", "10.1.2.3", false),
            ("fd00::/8", "[fd12::1]", true),
            ("fd12::1", "[fd12::1]", true),
            ("[fd12::1]:443", "[fd12::1]", true),
            ("[fd12::1]:1", "[fd12::1]", false),
            ("3", "10.1.2.3", false),
            (",,", "h.example", false),
        ] {
            assert_eq!(covers(list, host, 443), expected, "{list} | {host}");
        }
    }
}
