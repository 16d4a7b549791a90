"""Ids sort by time; equal work has equal fingerprints."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.fingerprint import fingerprint
from schemas.ids import parse_task_id, task_id_text
from schemas.task import ReferenceImage, TaskRequest


@given(st.uuids())
def test_an_id_comes_back_from_its_text(task_id):
    assert parse_task_id(task_id_text(task_id)) == task_id


ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


@given(st.uuids())
def test_an_id_is_its_number_letter_by_letter(task_id):
    letters, rest = "", task_id.int
    while len(letters) < 26:
        rest, digit = divmod(rest, 32)
        letters = ALPHABET[digit] + letters

    assert task_id_text(task_id) == f"tsk_{letters}"


@given(st.text(st.sampled_from(f"{ALPHABET}ilou_-+ ١é"), min_size=25, max_size=27))
def test_a_text_is_read_letter_by_letter_or_not_at_all(text):
    letters, number = text.strip(), 0
    for letter in letters:
        number = number * 32 + max(ALPHABET.find(letter), 0)
    right = len(letters) == 26 and set(letters) <= set(ALPHABET) and number < 1 << 128

    assert parse_task_id(text) == (UUID(int=number) if right else None)


@given(st.text(st.sampled_from(ALPHABET), min_size=26, max_size=26))
def test_26_letters_are_an_id_up_to_128_bits(text):
    assert (parse_task_id(text) is not None) == (text[0] < "8")


@given(st.uuids(), st.uuids())
def test_texts_sort_as_ids_do(one, other):
    assert (one < other) == (task_id_text(one) < task_id_text(other))


@pytest.mark.parametrize(
    "text", ["", "tsk_", "tsk_1", "tsk_" + "u" * 26, "tsk_" + "z" * 26, "x" * 26, "é" * 26, "0" * 27]
)
def test_what_cannot_be_an_id_is_none(text):
    assert parse_task_id(text) is None


def test_ids_are_read_kindly():
    task_id = UUID(int=1 << 127)
    assert parse_task_id(f"  {task_id_text(task_id).upper()} ") == task_id


def same(*changes):
    base = {"model": "m", "prompt": "p"}
    return {fingerprint(TaskRequest.model_validate(base | change, strict=False)) for change in changes}


def test_filing_does_not_make_other_work():
    assert len(same({}, {"external_id": "a"}, {"metadata": {"a": "b"}}, {"allow_duplicate": True})) == 1


def test_equal_numbers_are_equal_work():
    assert len(same({"duration_s": 5}, {"duration_s": 5.0})) == 1


def test_missing_and_null_are_the_same_work():
    assert len(same({}, {"seed": None}, {"options": {}})) == 1


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"n": 2}, {"ratio": "1:1"}, {"prompt": "q"}, {"options": {"a": 1}}, {"audio": False}],
)
def test_what_shapes_the_result_makes_other_work(change):
    assert len(same({}, change)) == 2


def test_images_count_by_their_bytes_and_their_role():
    image = "data:image/png;base64," + "A" * 40
    one = {"reference_images": [{"data": image}]}
    other = {"reference_images": [{"data": image, "role": "style"}]}

    assert len(same(one, {"reference_images": [{"data": image, "role": "reference"}]})) == 1
    assert len(same(one, other)) == 2


@pytest.mark.parametrize("wrong", [{}, {"url": "https://a/b", "data": "data:image/png;base64,AAAA"}])
def test_an_image_has_one_source(wrong):
    with pytest.raises(ValueError, match="exactly one"):
        ReferenceImage(**wrong)
