"""`creative-tasks keys` on a real database."""

import pytest

from tasks_service.ledger.ledger import Ledger
from tests.tasks_service.cli.conftest import Run, one_sentence


async def test_a_new_key_is_alone_on_standard_output_and_works(run: Run, dsn: str, ledger: Ledger):
    done = run("keys", "new", "--account", "acme", "--role", "support", "--label", "desk 4", DATABASE_URL=dsn)

    caller = await ledger.keys.find(done.stdout.strip())
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert caller is not None
    assert (caller.account, caller.role) == ("acme", "support")
    assert "shown only now" in done.stderr


def test_a_list_shows_head_and_tail_but_never_a_key(run: Run, dsn: str):
    key = run("keys", "new", "--account", "acme", "--label", "desk 4", DATABASE_URL=dsn).stdout.strip()

    told = run("keys", "list", DATABASE_URL=dsn).stdout

    assert key not in told
    assert key[:16] in told
    assert key[-4:] in told
    assert "acme" in told
    assert "desk 4" in told


@pytest.mark.parametrize("named_by", ["id", "head", "whole key"])
async def test_a_revoked_key_stops_working(run: Run, dsn: str, ledger: Ledger, named_by: str):
    key = await ledger.keys.new("acme")
    name = {"id": key[8:16], "head": key[:16], "whole key": key}[named_by]

    done = run("keys", "revoke", name, DATABASE_URL=dsn)

    assert done.returncode == 0
    assert await ledger.keys.find(key) is None


def test_revoking_what_is_not_there_says_so_without_repeating_it(run: Run, dsn: str):
    said = one_sentence(run("keys", "revoke", "ct_live_abcdefgh_secret", DATABASE_URL=dsn))

    assert "no such key" in said
    assert "secret" not in said


@pytest.mark.parametrize("name", ["", "Acme", "a b", "a" * 64, "-x"])
def test_a_name_that_cannot_be_an_account_is_one_sentence(run: Run, dsn: str, name: str):
    assert "cannot be an account's name" in one_sentence(
        run("keys", "new", f"--account={name}", DATABASE_URL=dsn)
    )


def test_without_a_database_it_says_what_to_do(run: Run):
    said = one_sentence(run("keys", "list"))

    assert "DATABASE_URL is not set" in said
    assert "creative-tasks up" in said
