"""Every kind of question of the benchmark of search finds its task."""

from tasks_service.ledger.ledger import Ledger
from tests.benchmarks.search import OF_WORDS, ask, load, questions


async def test_every_kind_of_question_is_asked_and_answered(dsn: str, ledger: Ledger):
    made = await load(dsn, tasks=300, seed=7)
    await ledger.search.take_up(str)

    found = await ask(ledger, questions(made, 2, 8))

    assert len(found) == 18
    assert found.keys() > OF_WORDS
