"""Runs the studio as a process: `python -m workers.sandbox.main --folder .data/sandbox --key KEY`."""

import argparse
import asyncio
import json
import os
import signal
import threading
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from workers.sandbox.app import running_studio


def main() -> None:
    """Serve until SIGTERM, or until standard input ends where that is asked for."""
    parser = argparse.ArgumentParser(
        prog="creative-tasks sandbox", description="An upstream on this machine."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument(
        "--folder", type=Path, default=Path(".data/sandbox"), help="where its ledger and files lie"
    )
    parser.add_argument(
        "--key", default=os.environ.get("SANDBOX_KEY", ""), help="the only key that it accepts"
    )
    parser.add_argument("--exit-with-stdin", action="store_true", help="end when standard input ends")
    options = parser.parse_args()
    if not options.key:
        parser.error("give --key, or SANDBOX_KEY in the environment")
    if options.exit_with_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    uvloop.run(_serve(options.folder, options.key, options.host, options.port))


async def _serve(folder: Path, key: str, host: str, port: int) -> None:
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    async with running_studio(folder, key, host, port) as address:
        print(json.dumps({"event": "listening", "port": urlsplit(address).port}), flush=True)
        await stopping.wait()


def _end_with_stdin() -> None:
    # Not through sys.stdin: its lock would be held by this thread when the interpreter ends.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
