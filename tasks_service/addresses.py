"""Which hosts belong to the public internet, as far as their spelling tells."""

import ipaddress
import re

# `ip_address.is_global` is not enough: on Python 3.11 it calls NAT64, 6to4, site-local and multicast global.
_REFUSED_V4 = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's host agent: looks public, is not
    )
)  # fmt: skip
_ALLOWED_V6 = ipaddress.ip_network("2000::/3")
_REFUSED_V6 = tuple(
    ipaddress.ip_network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)

# Letters that every parser on the way reads alike: no percent, no backslash, no empty label.
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
# What inet_aton reads as a number, whole or in part: 127.1, 0x7f000001, 0177.0.0.1.
_NUMERIC_END = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in network for network in _REFUSED_V4)
    return ip in _ALLOWED_V6 and not any(ip in network for network in _REFUSED_V6)


def may_be_public(host: str) -> bool:
    """Whether a host is worth resolving: a public address in its one canonical spelling, or a name."""
    if ":" in host:
        return "%" not in host and is_public(host)
    # The dot at the end only stops search lists; it makes no other host.
    host = host.lower().removesuffix(".")
    if not _NAME.fullmatch(host) or host == "localhost" or host.endswith(".localhost"):
        return False
    if _NUMERIC_END.fullmatch(host):
        return is_public(host)
    return True
