"""Lines on standard error hold what happened, and no secret, however it got into them."""

import json
import subprocess
import sys

import pytest

from tests.tasks_service.cli.conftest import environment

SECRET = 's3cret/of-the"house'
PROGRAM = f"""
import logging, sys
import structlog
from schemas.redaction import Redactor
from tasks_service.logs import start_logging

SECRET = {SECRET!r}
KEY = "sk-AbCdEfGhIjKlMnOpQr"
start_logging("worker", style=sys.argv[1], redactor=Redactor([SECRET]))
log = structlog.stdlib.get_logger()

class Odd:
    def __repr__(self):
        return f"<Odd {{SECRET}}>"

def trip(local):
    raise ValueError(f"it was\\n{{KEY}} and {{SECRET}}")
"""


def lines(style: str, body: str) -> list[str]:
    """What a program writes to standard error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM + body, style],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


STORIES = {
    "in a value": 'log.info("asked", text=SECRET)',
    "in a nested dict": 'log.info("asked", call={"headers": [{"x": SECRET}], "deep": {"deeper": (KEY, SECRET)}})',
    "by its name": 'log.info("asked", headers={"api_key": "ab s3cret cd", "Authorization": ["s3cret"]})',
    "as a key": 'log.info("asked", call={SECRET: 1})',
    "in an object": 'log.info("asked", thing=Odd(), things=[Odd()], raw=SECRET.encode())',
    "behind a new line": 'log.info("asked", text="one\\n" + KEY)',
    "in the event": 'log.info(f"asked {SECRET}")',
    "in a dict that JSON cannot hold": 'log.info("asked", call={(1, SECRET): Odd()})',
    "in the context": 'structlog.contextvars.bind_contextvars(asked=SECRET); log.info("asked")',
    "in an exception": """
try:
    trip(local=SECRET)
except ValueError:
    log.exception("asked")
""",
    "in a cause": """
try:
    try:
        trip(local=SECRET)
    except ValueError as error:
        raise KeyError(SECRET) from error
except KeyError as error:
    log.warning("asked", exc_info=error, error=error)
""",
    "in a library's line": 'logging.getLogger("library").warning("asked %s %r", KEY, {"x": SECRET})',
    "in a library's exception": """
try:
    trip(local=SECRET)
except ValueError:
    logging.getLogger("library").exception("asked")
""",
    "in an object that cannot be spelt": """
class Worse:
    def __repr__(self):
        raise ValueError(SECRET)
log.info("asked", thing=Worse())
""",
}


@pytest.mark.parametrize("story", STORIES)
def test_no_secret_is_in_a_line_of_json(story):
    [line] = lines("json", STORIES[story])
    told = json.loads(line)

    assert "s3cret" not in line
    assert "AbCdEfGh" not in line
    assert "[redacted]" in line
    assert told["event"].startswith("unwritable_line" if "cannot be spelt" in story else "asked")


@pytest.mark.parametrize("story", STORIES)
def test_no_secret_is_in_the_console(story):
    text = "\n".join(lines("console", STORIES[story]))

    assert "s3cret" not in text
    assert "AbCdEfGh" not in text
    assert "[redacted]" in text
    assert ("unwritable_line" in text) == (story == "in an object that cannot be spelt")


def test_a_mask_in_the_next_value_does_not_make_a_word_look_masked():
    told = lines(
        "json",
        """
for text in (
    "it sent authorization: wordword",
    "Bearer wordword",
    "api-key: wordword",
    "GET /file?sig=wordword",
    '{"password": "wordword',
):
    log.warning("asked", error=text, key="****9f2c")
""",
    )

    assert [json.loads(line)["error"].rpartition("wordword")[1] for line in told] == [""] * 5
    assert all("****9f2c" in line for line in told)


def test_a_line_says_when_where_and_about_what():
    [ours, theirs] = lines(
        "json",
        """
with structlog.contextvars.bound_contextvars(task="t-1"):
    log.warning("asked", count=2, share=0.5, nothing=None, wrong=float("nan"), name="海")
    logging.getLogger("library").info("theirs %s", "x")
""",
    )
    told = json.loads(ours, parse_constant=pytest.fail)

    assert told.pop("timestamp").endswith("Z")
    assert told == {
        "event": "asked", "level": "warning", "process": "worker", "task": "t-1",
        "count": 2, "share": 0.5, "nothing": None, "wrong": "NaN", "name": "海",
    }  # fmt: skip
    assert "海" in ours
    told = json.loads(theirs)
    assert (told["event"], told["task"], told["process"]) == ("theirs x", "t-1", "worker")


def test_an_exception_keeps_its_traceback():
    [line] = lines("json", STORIES["in an exception"])

    exception = json.loads(line)["exception"]
    assert exception.startswith("Traceback")
    assert exception.endswith("[redacted] and [redacted]")


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_line_that_cannot_be_written_does_not_show_its_arguments(style):
    [line] = lines(style, 'logging.getLogger("library").warning("asked %d", SECRET)')

    assert "s3cret" not in line
    assert json.loads(line)["event"] == "unwritable_line"
    assert json.loads(line)["logger"] == "library"


def test_the_chatty_are_quiet():
    assert lines("json", 'logging.getLogger("httpx").info("GET https://h/f/TOKEN"); log.debug("no")') == []
