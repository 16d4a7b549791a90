"""What an image really is, found out by decoding it whole in a process that may die of it."""

import asyncio
import hashlib
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from structlog.stdlib import get_logger

from schemas.pictures import Picture
from tasks_service.pictures.flaws import Flaw
from tasks_service.pictures.room import Room, Shares
from tasks_service.pictures.structure import REQUEST_HEAD

log = get_logger()

_ROOT = Path(__file__).parents[2]
_PROGRAM = (
    f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from tasks_service.pictures.decoder import main; main()"
)
# Isolated: neither the environment nor the folder that it is started in has a say in what is imported.
_COMMAND = (sys.executable, "-I", "-c", _PROGRAM)
_PROCESSES = 2
_SHARE = 1  # of them one account may keep busy
_QUEUE = 64
_PATIENCE_S = 20.0


class Inspector:
    """A few decoders, each in a process of its own, started when first needed and used again."""

    def __init__(self, most_pixels: int):
        self._most_pixels = most_pixels
        self._threads = ThreadPoolExecutor(_PROCESSES, thread_name_prefix="decoder")
        self._mine = threading.local()
        self._decoders: list[Decoder] = []
        self._room = Room(_PROCESSES, _QUEUE, 3 * _PATIENCE_S)
        self._accounts = Shares(_SHARE, _QUEUE, 3 * _PATIENCE_S)

    async def inspect(self, content: bytes, account_id: int) -> Picture:
        """What the bytes are. Raises Flaw, or Overloaded."""
        async with self._accounts.place(account_id), self._room.place():
            work = asyncio.get_running_loop().run_in_executor(self._threads, self._inspect, content)
            return await asyncio.shield(work)

    async def close(self) -> None:
        """End the processes; what is being decoded is broken off."""
        for decoder in self._decoders:
            decoder.end()
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    def _inspect(self, content: bytes) -> Picture:
        told = self._decoder().examine(content, self._most_pixels)
        if "flaw" in told:
            raise Flaw(told["flaw"], told["words"])
        digest = hashlib.sha256(content).hexdigest()
        return Picture(digest, told["type"], len(content), told["width"], told["height"])

    def _decoder(self) -> "Decoder":
        if not hasattr(self._mine, "decoder"):
            self._mine.decoder = Decoder()
            self._decoders.append(self._mine.decoder)
        return self._mine.decoder


class Decoder:
    """One process; one that dies or hangs is replaced, and its image could not be read."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False

    def examine(self, content: bytes, most_pixels: int) -> dict[str, Any]:
        """What it says of some bytes. Raises Flaw where it says nothing."""
        if self._ended:
            raise Flaw("unreadable", "We are stopping and did not look at the image; send it again.")
        process = self._process = self._process or _start()
        alarm = threading.Timer(_PATIENCE_S, process.kill)
        alarm.start()
        try:
            return _ask(process, content, most_pixels)
        except (OSError, ValueError) as error:
            self._forget(process)
            log.warning("decoder_died", code=process.returncode, bytes=len(content), error=repr(error))
            words = "The image cannot be decoded within our limits; save it anew, or smaller, and send that."
            raise Flaw("unreadable", words) from error
        finally:
            alarm.cancel()

    def end(self) -> None:
        """Kill it."""
        self._ended = True
        if self._process is not None:
            self._forget(self._process)

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                _close(pipe)
        self._process = None


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        _COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={},
        start_new_session=True,
    )


def _ask(process: subprocess.Popen[bytes], content: bytes, most_pixels: int) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(REQUEST_HEAD.pack(len(content), most_pixels))
    process.stdin.write(content)
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except OSError:
        # What was not yet written to a dead process cannot be.
        return
