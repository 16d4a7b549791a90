"""A ledger with a past: a million tasks, or ten, as a studio's customers would have left them; the same for one seed.

    python -m tests.benchmarks.rig.loader --tasks 10000000 postgresql://…

The rows are made by PostgreSQL itself, from digests of their numbers, and go in through the real tables.
"""

import argparse
import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from tasks_service.ledger.queries import Query, load

_QUERIES = load(__file__)
_STRETCH = 50_000
_AT_ONCE = 2
_EACH = ("events", "tasks", "calls", "spends", "artifacts", "notes", "keys", "alive")

# Model, kind, provider and endpoint; the first ones are asked for more often.
_MODELS = (
    *["sandbox-video-1 video sandbox jobs"] * 4,
    *["kling-v2-6 video kling text2video"] * 3,
    *["doubao-seedance-2-5-260628 video ark_seedance tasks"] * 2,
    "sora-2 video openai_videos videos",
    "sandbox-image-1 image sandbox jobs",
)
_FAILURES = (
    "content_policy_input|E451|The prompt may contain sensitive content. request id ",
    "content_policy_input|1301|输入内容可能包含敏感信息，请修改后重试，请求编号 ",
    "content_policy_output|E452|The generated video was withheld by the output filter, trace ",
    "upstream_internal|500|The server had an error processing your request; request ",
    "parameter_invalid|1201|图片尺寸不符合要求，编号 ",
    "timed_out||no answer in time ",
)
_PROMPTS = (
    (
        "a paper boat in the rain, seen from above, slow camera, warm light, reflections on wet stone, 35 mm, film grain, "
        "soft shadows, a street after a storm with lanterns going on one after the other, nobody in sight, calm"
    ),
    "雨后的石板路上一只纸船缓缓漂过，俯视镜头，暖色灯光，水面倒影，胶片颗粒，街灯一盏盏亮起，四下无人，气氛安静",
    (
        "product shot of a glass bottle on black marble, rotating slowly, studio light from the left, condensation drops, "
        "high contrast, shallow depth of field, the label stays readable, no people, no text besides the label"
    ),
    "国风水墨动画，远山云雾，一叶扁舟，白鹭飞过，镜头从左向右平移，留白构图，淡彩，细腻的宣纸纹理，古琴配乐的节奏感",
)


@dataclass(frozen=True, slots=True)
class Past:
    """How much there is, over how many months until now, and which of all pasts it is."""

    tasks: int = 1_000_000
    months: int = 3
    seed: int = 7
    # Constraints cost most of the time. Without them the rows are the same; the tests load with them.
    constrained: bool = False


async def fill(dsn: str, past: Past) -> int:
    """Fill an empty ledger; answers how many rows its constraints would have refused, which must be none."""
    ended = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    began = ended - timedelta(days=30 * past.months)
    connections = [await asyncpg.connect(dsn, command_timeout=3600) for _ in range(_AT_ONCE)]
    try:
        role = "origin" if past.constrained else "replica"
        for connection in connections:
            await _run(connection, "prepare", role=role)
            await _run(connection, "draws")
        first_account = min(row["id"] for row in await _run(connections[0], "accounts"))
        for month in range(past.months + 1):
            await connections[0].execute("SELECT make_month($1)", began + timedelta(days=30 * month))
        stretches = _stretches(past.tasks)
        drawn = {"began": began, "ended": ended, "tasks": past.tasks, "seed": past.seed}
        drawn |= {"older": past.tasks - past.tasks // 50, "first_account": first_account}
        drawn |= {"prompts": list(_PROMPTS), "models": list(_MODELS), "failures": list(_FAILURES)}
        await asyncio.gather(*(_work(one, stretches, drawn) for one in connections))
        await _run(connections[0], "settle")
        return (await _run(connections[0], "wrong"))[0]["rows"]
    finally:
        await asyncio.gather(*(connection.close() for connection in connections))


async def _work(
    connection: asyncpg.Connection, stretches: Iterator[tuple[int, int]], drawn: dict[str, object]
) -> None:
    for first, last in stretches:
        await _run(connection, "empty")
        await _run(connection, "draw", first=first, last=last, **drawn)
        async with connection.transaction():
            for name in _EACH:
                await _run(connection, name)


async def _run(connection: asyncpg.Connection, name: str, /, **values: object) -> list[asyncpg.Record]:
    query: Query = _QUERIES[name]
    return await connection.fetch(query.text, *(values[parameter] for parameter in query.parameters))


def _stretches(tasks: int) -> Iterator[tuple[int, int]]:
    for first in range(1, tasks + 1, _STRETCH):
        yield first, min(first + _STRETCH - 1, tasks)


def main() -> None:
    """Fill the ledger of an address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=Past.tasks)
    parser.add_argument("--seed", type=int, default=Past.seed)
    parser.add_argument("dsn")
    given = parser.parse_args()
    wrong = asyncio.run(fill(given.dsn, Past(given.tasks, seed=given.seed)))
    if wrong:
        raise SystemExit(f"{wrong} rows would have been refused")


if __name__ == "__main__":
    main()
