"""`creative-tasks quarantine` on a real database and a real store."""

from pathlib import Path

from tasks_service.epochs import Epochs
from tasks_service.ledger.ledger import Ledger
from tests.tasks_service.cli.conftest import Run, one_sentence


async def begin(ledger: Ledger, folder: Path) -> None:
    await Epochs(f"file://{folder}/.data/artifacts").keep(57)
    async with ledger.transaction() as inside:
        assert await inside.instance.distrust(57)


def test_usually_there_is_none(run: Run, dsn: str):
    assert "Tasks are sent" in run("quarantine", "show", DATABASE_URL=dsn).stdout
    assert "no quarantine to release" in one_sentence(
        run("quarantine", "release", "--reason", "just so", DATABASE_URL=dsn)
    )


async def test_it_says_what_was_found_and_ends_on_a_persons_word(
    run: Run, dsn: str, ledger: Ledger, folder: Path
):
    await begin(ledger, folder)
    shown = run("quarantine", "show", DATABASE_URL=dsn).stdout
    told = run("doctor", "--port", "0", DATABASE_URL=dsn)
    done = run("quarantine", "release", "--reason", "it is a new database", DATABASE_URL=dsn)
    after = run("quarantine", "show", DATABASE_URL=dsn).stdout
    [ended] = await ledger.instance.quarantines()

    assert "Nothing is sent since" in shown
    assert "The store knows epoch 57, this database only 0" in shown
    assert told.returncode == 0
    assert "! sending    nothing is sent since" in told.stdout
    assert done.returncode == 0, done.stderr
    assert "the epoch is 57" in after
    assert "it is a new database" in after
    assert ended.released_by is not None
    assert ended.released_by.startswith("person:")


async def test_a_release_needs_a_reason(run: Run, dsn: str, ledger: Ledger, folder: Path):
    await begin(ledger, folder)

    assert run("quarantine", "release", DATABASE_URL=dsn).returncode == 2
    assert "needs a reason" in one_sentence(run("quarantine", "release", "--reason", "  ", DATABASE_URL=dsn))
    assert (await ledger.instance.look()).quarantine is not None


def test_doctor_finds_nothing_held_back(run: Run, dsn: str):
    assert "✔ sending    no quarantine" in run("doctor", "--port", "0", DATABASE_URL=dsn).stdout
