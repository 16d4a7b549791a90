"""Addresses of PostgreSQL and Redis: whether every driver reads the same in them, and their passwords."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

_SCHEMES = {"DATABASE_URL": ("postgresql", "postgres"), "REDIS_URL": ("redis", "rediss", "unix")}
_HOST = re.compile(r"(?:\[[^\[\]]+\]|[^:\[\]]*)(?::([0-9]{0,5}))?")
_LAST_PORT = 65535


def what_is_wrong_with(name: str, url: str) -> str | None:
    """Why an address cannot be used, in fixed words that repeat nothing of it; None where it can.

    Drivers misread a password with a bare / or @ in it, and then print it as a port or a host.
    """
    if not url:
        return None
    if url.partition("://")[0] not in _SCHEMES[name]:
        return f"{name} has to begin with {_SCHEMES[name][0]}://"
    if not _is_clear(url):
        return f"{name} is not an address that can be read; percent-encode its user and password"
    return None


def passwords_in(url: str) -> list[str]:
    """Whatever may be a password in an address, as it stands there and decoded; also in a torn one."""
    found = [match[1] for match in re.finditer(r"://[^:/@?#]*:(.*)@", url, re.DOTALL)]
    found += re.findall(r"[?&](?:password|sslpassword)=([^&#]*)", url)
    return [form for password in found for form in dict.fromkeys((password, unquote(password))) if form]


def _is_clear(url: str) -> bool:
    try:
        parts = urlsplit(url)
        query = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    except ValueError:
        return False
    authority, at, hosts = parts.netloc.rpartition("@")
    # What looks like a path, a query or a fragment may be the rest of a password.
    torn = "@" in authority or bool(parts.fragment) or (parts.netloc != "" and "@" in parts.path)
    torn = torn or (parts.netloc != "" and not at and "@" in parts.query)
    numbers = [*query.get("db", ()), *query.get("port", ())]
    if parts.scheme in ("redis", "rediss") and parts.path.strip("/"):
        numbers.append(parts.path.strip("/"))  # of the database
    return not torn and _has_ports(hosts) and all(re.fullmatch("[0-9,]+", number) for number in numbers)


def _has_ports(hosts: str) -> bool:
    found = [_HOST.fullmatch(host) for host in hosts.split(",")]
    return all(host and int(host[1] or 0) <= _LAST_PORT for host in found)
