"""Hosts of their own, as network namespaces on one bridge, whose links can be cut and healed. Linux, as root.

Nothing of it touches the machine's own network: even the test itself acts from inside a namespace.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

# The bridge hangs in a namespace that nobody lives in.
_SWITCH = "switch"
CUSTOMERS = "customers"
ADDRESSES: Mapping[str, str] = MappingProxyType(
    {
        "engines": "10.213.77.1",
        "studio": "10.213.77.2",
        CUSTOMERS: "10.213.77.3",
        "api-1": "10.213.77.11",
        "api-2": "10.213.77.12",
        "worker-1": "10.213.77.21",
        "worker-2": "10.213.77.22",
        "worker-3": "10.213.77.23",
    }
)


def why_not() -> str | None:
    """Why there can be no namespaces here; None where there can."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are Linux's"
    if shutil.which("ip") is None:
        return "the command ip (iproute2) is missing"
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    name = f"ct-probe-{os.getpid()}"
    tried = _tried("netns", "add", name) or _tried(
        "-n", name, "link", "add", "probe", "type", "veth", "peer", "name", "eborp"
    )
    _tried("netns", "del", name)
    return f"network namespaces are not allowed here: {tried}" if tried else None


class Hosts:
    """The namespaces of one run; whatever happens, they are gone afterwards."""

    def __init__(self, tag: str):
        self._tag = tag

    def __enter__(self) -> "Hosts":
        try:
            self._build()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def command(self, host: str, arguments: Sequence[str]) -> list[str]:
        """What runs a command on a host."""
        return ["ip", "netns", "exec", self._name(host), *arguments]

    def cut(self, host: str) -> None:
        """Pull the plug: what is on its way is lost, and nobody is told."""
        _ip("-n", self._name(_SWITCH), "link", "set", host, "down")

    def heal(self, host: str) -> None:
        """Put the plug in again."""
        _ip("-n", self._name(_SWITCH), "link", "set", host, "up")

    def remove(self) -> None:
        """Take everything away; harmless where something is missing."""
        for host in (*ADDRESSES, _SWITCH):
            _tried("netns", "del", self._name(host))

    def _build(self) -> None:
        switch = self._name(_SWITCH)
        _ip("netns", "add", switch)
        _ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge", "up")
        for host, address in ADDRESSES.items():
            name = self._name(host)
            _ip("netns", "add", name)
            _ip("-n", switch, "link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("-n", switch, "link", "set", host, "master", "bridge")
            _ip("-n", switch, "link", "set", host, "up")
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "link", "set", "lo", "up")

    def _name(self, host: str) -> str:
        return f"ct-{self._tag}-{host}"


def _tried(*arguments: str) -> str:
    """What `ip` complains of; empty where it did it."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=20, check=False)
    return (done.stderr.strip() or f"exit code {done.returncode}") if done.returncode else ""


def _ip(*arguments: str) -> None:
    if wrong := _tried(*arguments):
        raise OSError(f"ip {' '.join(arguments)}: {wrong}")
