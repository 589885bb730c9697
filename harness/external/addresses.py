"""Which addresses are those of machines on the open internet.

Sources (certain): IANA's registries of special-purpose addresses for IPv4 and IPv6 (RFC 6890 and what it
updates), multicast (RFC 5771, RFC 4291), reserved (RFC 1112), ISATAP (RFC 5214), Azure's host address. The
lists are our own because those of Python's `ipaddress` differ by its version, and call public what some
clouds serve their secrets at (192.0.0.192).
"""

from __future__ import annotations

import ipaddress

_IPV4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared by a carrier's customers; metadata of some clouds
            "127.0.0.0/8",  # this machine
            "168.63.129.16/32",  # the host of a machine in Azure
            "169.254.0.0/16",  # link; metadata of most clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments; metadata of some clouds
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # multicast tunnels
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks of networks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
#: outside of it nothing is a global unicast address: `::/8` (this machine, IPv4 in other forms, NAT64),
#: discard, SRv6, private, link, site, multicast
_UNICAST = ipaddress.IPv6Network("2000::/3")
_IPV6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID, multicast tunnels, AS112, drones
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: IPv4 in another form
            "2620:4f:8000::/48",  # AS112
            "3ffe::/16",  # the first test network, given back
            "3fff::/20",  # documentation
        ),
    )
)
#: interface identifiers under which ISATAP wraps an IPv4 address
_ISATAP = (0x00005EFE, 0x02005EFE)


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is that of a machine on the open internet, by itself and not as an alias; of an IPv4
    address mapped into IPv6, whether that is."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in net for net in _IPV4)
    if address.ipv4_mapped:
        return is_public(address.ipv4_mapped)
    wrapped = (int(address) >> 32) & 0xFFFFFFFF in _ISATAP
    return address in _UNICAST and not wrapped and not any(address in net for net in _IPV6)
