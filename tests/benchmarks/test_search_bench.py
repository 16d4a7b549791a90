"""The benchmark of search runs, and every question of it finds its task."""

from tests.benchmarks.search import run


async def test_every_kind_of_question_is_asked_and_answered(server_dsn: str, dsn: str):
    found = await run(dsn, tasks=300, each=2, seed=7)

    assert found["tasks"] == 300
    assert len(found["median"]) == 18
    assert found["bytes_per_task"]["words_index"] > 0
