"""What is read out of a text that somebody pasted: a few tokens too many, but never one too few."""

from uuid import UUID

import pytest

from schemas.ids import task_id_text
from schemas.pasted import Mask, like, read_pasted

ID = UUID("01934567-89ab-7cde-8f01-23456789abcd")
DMX = (
    '{"error": {"message": "Token amount has been exhausted, remaining quota is not enough [sk-zoj***Vj8] '
    '(request id: 20261120203355123456789f4JzK)", "type": "rix_api_error", "param": "", "code": ""}}'
)


@pytest.mark.parametrize(
    "text",
    [
        task_id_text(ID),
        task_id_text(ID).upper(),
        task_id_text(ID).removeprefix("tsk_"),
        f"please look at {task_id_text(ID)}, it hangs",
        f"https://tasks.example/v1/tasks/{task_id_text(ID)}/artifacts/0",
        f"row {ID} of the database",
    ],
)
def test_a_task_is_seen_in_whatever_surrounds_it(text):
    assert [found for _, found in read_pasted(text).task_ids] == [ID]


@pytest.mark.parametrize("text", ["tsk_tooshort", "tsk_" + "u" * 26, "a film of a boat", "x" * 40])
def test_other_words_are_no_task(text):
    assert read_pasted(text).task_ids == ()


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("order-7", "order-7"),
        ("Auftrag 12 (Müller)", "Auftrag 12 (Müller)"),
        ("request_id=0217abcdef12345, please", "0217abcdef12345"),
        ("X-Request-Id: req_0123456789abcdef.", "req_0123456789abcdef"),
        ('{"id":"cgt-20261125-x7k2p"}', "cgt-20261125-x7k2p"),
        ("GET /v1/videos/video_69ab12 gave 404", "video_69ab12"),
        ("sha256:" + "ab" * 32, "ab" * 32),
        ("任务编号：cgt-20261125-x7k2p，失败", "cgt-20261125-x7k2p"),
        (DMX, "20261120203355123456789f4JzK"),
    ],
)
def test_an_id_is_among_the_tokens(text, token):
    assert token in read_pasted(text).tokens


def test_an_error_text_is_understood_in_parts():
    pasted = read_pasted(DMX)

    assert pasted.masks == (Mask("sk-zoj***Vj8", "sk-zoj", "Vj8"),)
    assert pasted.labelled == ("20261120203355123456789f4JzK",)
    assert pasted.words == ("Token amount has been exhausted, remaining quota is not enough",)


def test_tokens_are_bounded_however_long_the_text_is():
    pasted = read_pasted(" ".join(f"token-{n:06}" for n in range(5000)))

    assert len(pasted.tokens) <= 64
    assert all(len(word) <= 200 for word in pasted.words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("red kite", ("red", "kite")),
        ('"red kite" sea', ("red kite", "sea")),
        ("雨中的纸船", ("雨中的纸船",)),
        ("纸船 boat", ("纸船", "boat")),
        ("kite kite", ("kite",)),
        ("100%", ("100%",)),
    ],
)
def test_typed_words_are_each_looked_for_and_quoted_ones_together(text, words):
    assert read_pasted(text).words == words


@pytest.mark.parametrize("mask", ["ct_live_ab12***wxyz", "ct_live_ab12…wxyz", "ct_live_ab12......wxyz"])
def test_a_masked_key_is_known_by_its_ends(mask):
    assert read_pasted(f"the key [{mask}] fails").masks == (Mask(mask, "ct_live_ab12", "wxyz"),)


def test_what_like_would_take_for_a_wildcard_is_a_letter():
    assert like(r"50%_\o/") == r"%50\%\_\\o/%"
