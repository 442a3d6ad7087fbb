//! Which addresses may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which kinds of addresses are good to connect to, beside public ones.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AddressPolicy {
    pub(crate) loopback: bool,
    pub(crate) private: bool,
}

impl AddressPolicy {
    pub(crate) fn allows(self, address: IpAddr) -> bool {
        match Kind::of(address) {
            Kind::Public => true,
            Kind::Loopback => self.loopback,
            Kind::Private => self.private,
            Kind::Special => false,
        }
    }
}

/// What an address is for, as far as a client must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A host on the internet.
    Public,
    /// This machine.
    Loopback,
    /// A host in a network of one's own: RFC 1918, RFC 4193, and the shared space of RFC 6598.
    Private,
    /// No host that a provider could be: link-local (cloud metadata live there), multicast, documentation,
    /// reserved.
    Special,
}

impl Kind {
    fn of(address: IpAddr) -> Self {
        if METADATA.contains(&address) {
            return Self::Special;
        }
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    /// The IANA registry of special-purpose addresses for IPv4, as of 2025.
    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [127, ..] => Self::Loopback,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Self::Private,
            // This network, link-local, protocol assignments, documentation, 6to4 relays, benchmarks.
            [0, ..] | [169, 254, ..] | [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => {
                Self::Special
            }
            [198, 51, 100, _] | [203, 0, 113, _] => Self::Special,
            // Multicast and reserved, broadcast among it.
            [224..=255, ..] => Self::Special,
            _ => Self::Public,
        }
    }

    /// The registry for IPv6. Only 2000::/3 is in use for hosts; within it there are protocol assignments
    /// (Teredo among them), documentation and 6to4. An address that carries one of IPv4 is as good as that
    /// one.
    fn of_v6(address: Ipv6Addr) -> Self {
        if address == Ipv6Addr::LOCALHOST {
            return Self::Loopback;
        }
        if let Some(inner) = address.to_ipv4_mapped() {
            return Self::of(IpAddr::V4(inner));
        }
        match address.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
                Self::of(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
            }
            [0xfc00..=0xfdff, ..] => Self::Private,
            [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => {
                Self::Special
            }
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Special,
        }
    }
}

/// Cloud services that speak of the machine that asks, at addresses that look like hosts: AWS over IPv6,
/// Alibaba, Azure.
const METADATA: [IpAddr; 3] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
];

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: &[&str] =
        &["127.0.0.1", "127.0.0.0", "127.255.255.255", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"];

    const PRIVATE: &[&str] = &[
        "10.0.0.0",
        "10.255.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.168.0.1",
        "192.168.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "fc00::",
        "fd00::1",
        "fdff:ffff::",
    ];

    const SPECIAL: &[&str] = &[
        "0.0.0.0",
        "0.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "169.254.255.255",
        "192.0.0.0",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.255",
        "100.100.100.200",
        "168.63.129.16",
        "::",
        "::7f00:1",
        "::a00:1",
        "::ffff:169.254.169.254",
        "::ffff:0.0.0.0",
        "::ffff:100.100.100.200",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:1ff::",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff:fff::1",
        "4000::1",
        "5f00::1",
        "fd00:ec2::254",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "ffff::",
    ];

    const PUBLIC: &[&str] = &[
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2001:200::",
        "2001:4860:4860::8888",
        "2606:4700::1111",
        "3ffe::1",
        "2a00::",
    ];

    // DIS-05
    #[test]
    fn every_address_is_of_its_kind() {
        for (kind, table) in [
            (Kind::Loopback, LOOPBACK),
            (Kind::Private, PRIVATE),
            (Kind::Special, SPECIAL),
            (Kind::Public, PUBLIC),
        ] {
            for text in table {
                assert_eq!(Kind::of(text.parse().unwrap()), kind, "{text}");
            }
        }
    }

    #[test]
    fn what_is_opened_is_open_and_nothing_else() {
        let (loopback, private, special) = ("127.0.0.1", "10.0.0.1", "169.254.169.254");
        let allowed = |policy: AddressPolicy| {
            [loopback, private, special, "1.1.1.1"].map(|text| policy.allows(text.parse().unwrap()))
        };
        assert_eq!(allowed(AddressPolicy::default()), [false, false, false, true]);
        assert_eq!(allowed(AddressPolicy { loopback: true, private: false }), [true, false, false, true]);
        assert_eq!(allowed(AddressPolicy { loopback: false, private: true }), [false, true, false, true]);
    }
}
