"""Makes engines reachable over a network that listen on a socket in a folder: `relay ADDRESS PORT=SOCKET …`."""

import asyncio
import contextlib
import sys
from functools import partial

_CHUNK = 64 << 10


async def relay(address: str, ports: dict[int, str]) -> None:
    """Serve until killed."""
    servers = [
        await asyncio.start_server(partial(_join, path), address, port) for port, path in ports.items()
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def _join(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        far_reader, far_writer = await asyncio.open_unix_connection(path)
        # One side's end is the other's: both engines and drivers close for good.
        await asyncio.wait(
            [
                asyncio.create_task(_pass_on(reader, far_writer)),
                asyncio.create_task(_pass_on(far_reader, writer)),
            ],
            return_when=asyncio.FIRST_COMPLETED,
        )
        far_writer.close()
    writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()


if __name__ == "__main__":
    pairs = (pair.partition("=") for pair in sys.argv[2:])
    asyncio.run(relay(sys.argv[1], {int(port): path for port, _, path in pairs}))
