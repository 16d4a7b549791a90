"""Files on their way to the store take little memory, however large they are."""

import asyncio
from pathlib import Path

import pytest

from tasks_service.artifacts import Artifacts
from tests.forking import processes

FILES, MB = 8, 32
ENOUGH_MB = 96  # obstore's own way would hold all of them, 256


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs procfs to see a peak of memory")
def test_many_large_files_at_once_take_the_memory_of_a_few_parts(tmp_path: Path):
    said = processes.SimpleQueue()
    process = processes.Process(target=put_all, args=(tmp_path, said), daemon=True)
    process.start()
    grown_mb, stored = said.get()
    process.join()

    assert stored == [MB << 20] * FILES
    assert grown_mb < ENOUGH_MB


def put_all(folder: Path, said) -> None:
    """Store them side by side; says by how many MB the process grew at the most, and what lies there."""
    source = folder / "film"
    source.write_bytes(b"")
    with source.open("r+b") as film:
        film.truncate(MB << 20)
    store = Artifacts(f"file://{folder}/store")

    async def put() -> None:
        await asyncio.gather(*(store.put(f"tsk_{n}/film", source) for n in range(FILES)))

    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = peak_mb()
    asyncio.run(put())
    said.put((peak_mb() - before, [file.stat().st_size for file in (folder / "store").glob("*/film")]))


def peak_mb() -> float:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
    return int(line.split()[1]) / 1024
