"""Whether a port is free, and who has it if not."""

import errno
import socket
from pathlib import Path

_LISTENING = "0A"


def free_port(host: str) -> int:
    """A port that nobody uses at this moment."""
    with socket.socket(_family(host)) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def trouble_with(host: str, port: int) -> str | None:
    """Why we cannot listen there, in a sentence; None where we can."""
    try:
        with socket.socket(_family(host)) as probe:
            # As servers do: an address that only lingers after a stop counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            by = f" by {holder}" if (holder := holder_of(port)) else ""
            return f"Port {port} on {host} is in use{by}; stop that, or choose another with --port."
        why = (error.strerror or str(error)).lower()
        if error.errno == errno.EACCES:
            return f"Port {port} on {host} is not for everybody ({why}); choose another with --port."
        return f"{host} is no address that we can listen on ({why}); choose another host."
    except UnicodeError:
        return f"{host} cannot be the name of a host; choose another."
    return None


def holder_of(port: int) -> str | None:
    """The process that listens on a port, as far as we may see it (Linux only)."""
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not inodes:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        if any(link in inodes for link in _open_files(process)):
            return f"process {process.name} ({_command(process)})"
    return None


def _listening_inodes(port: int) -> set[str]:
    found: set[str] = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        try:
            rows = [line.split() for line in table.read_text().splitlines()[1:]]
        except OSError:
            continue
        found |= {row[9] for row in rows if row[3] == _LISTENING and int(row[1].split(":")[1], 16) == port}
    return found


def _open_files(process: Path) -> list[str]:
    try:
        return [str(file.readlink()) for file in (process / "fd").iterdir()]
    except OSError:
        return []  # it has ended, or it is not ours to look into


def _command(process: Path) -> str:
    try:
        words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "ended meanwhile"
    return " ".join([Path(words[0]).name, *words[1:4]]).strip()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
