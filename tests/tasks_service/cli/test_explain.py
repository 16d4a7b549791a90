"""`creative-tasks explain`: an error is pasted, and explained, without a server or a database."""

import json
import subprocess

import pytest

from tests import forking
from tests.tasks_service.cli.conftest import COMMAND, ROOT

KEY = "sk-q8Zr2LmT5vXw9KpB3nYc7HdF"
MONEY = "{'error': {'message': '[sk-abc***Yz9] RemainQuota = 0 (request id: 2026010203f4JzK)'}}"


def explain(text: str | bytes, *words: str) -> subprocess.CompletedProcess[str]:
    given = text if isinstance(text, bytes) else text.encode()
    nothing = {"PATH": "", "LANG": "C.UTF-8"}
    return forking.run(COMMAND[-1], ("explain", *words), environment=nothing, folder=ROOT, given=given)


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "en",
            ["no money or quota left", "The operator's", "What the customer can look at", "key sk-abc…Yz9"],
        ),
        ("zh", ["余额、额度已用完", "运营方", "客户可以检查", "2026010203f4JzK"]),
    ],
)
def test_pasted_words_are_explained_in_both_languages(language: str, told: list[str]):
    done = explain(MONEY, "--lang", language)

    assert done.returncode == 0
    assert [word for word in told if word not in done.stdout] == []


def test_an_error_told_by_its_parts_is_explained_too():
    parts = {"phase": "poll", "http_status": 502, "body": "<title>502 Bad Gateway</title>"}

    told = json.loads(explain(json.dumps(parts), "--json").stdout)

    assert (told["kind"], told["retryable"], told["spent"]) == ("upstream_internal", True, "unknown")


def test_one_line_in_is_one_line_out_in_order_whatever_it_holds():
    lines = [
        json.dumps({"id": "a", "http_status": 403, "body": "余额不足", "phase": "submit", "headers": None}),
        "no JSON at all: model x-1 does not exist",
        json.dumps({"id": "b", "body": f"Incorrect API key {KEY}", "provider": None, "exception": None}),
        json.dumps({"id": "c", "body": "\ud800", "phase": "nonsense", "http_status": "x"}),
        "[]",
        "{" * 3000,
    ]

    done = explain("\n".join(lines) + "\n", "--jsonl")

    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["id"] for one in told] == ["a", None, "b", "c", None, None]
    assert [one["kind"] for one in told] == [
        "quota_exhausted",
        "model_not_found",
        "auth_invalid",
        "unknown",
        "unknown",
        "unknown",
    ]
    assert all({"retryable", "spent", "whose_move"} <= one.keys() for one in told)


def test_a_whole_key_is_refused_and_only_named():
    done = explain(f"first\nIncorrect key {KEY}")

    assert done.returncode == 1
    assert "API key at line 2, column 15 (sk-q8Z…)" in done.stderr
    assert KEY not in done.stdout + done.stderr


def test_among_many_lines_a_whole_key_is_taken_out_and_said():
    line = json.dumps({"id": 1, "body": f"Incorrect API key provided: {KEY}"})

    done = explain(line, "--jsonl")

    told = json.loads(done.stdout)
    assert told["hidden"] == [{"kind": "API key", "line": 1, "column": 29, "head": "sk-q8Z"}]
    assert KEY not in done.stdout


def test_a_key_in_the_name_of_a_line_is_taken_out_too():
    done = explain(json.dumps({"id": KEY, "body": "overloaded"}), "--jsonl")

    told = json.loads(done.stdout)
    assert [key["kind"] for key in told["hidden"]] == ["API key"]
    assert KEY not in done.stdout
    assert json.loads(explain('{"id": "case-7", "body": "x"}', "--jsonl").stdout)["id"] == "case-7"


def test_nothing_pasted_is_one_sentence():
    done = explain("  \n")

    assert done.returncode == 1
    assert "Paste the error on standard input" in done.stderr


def test_bytes_that_are_no_text_are_read_as_far_as_they_are():
    assert "quota_exhausted" in explain(b"\xff\xfe insufficient balance \x00").stdout
