"""`creative-tasks check`: a request is judged from the shell, without a server."""

import json

from tests.tasks_service.cli.conftest import Run, one_sentence

FINE = {"model": "kling-v2-6", "prompt": "a boat", "duration_s": 10, "options": {"mode": "pro"}}
FINE_WORDS = "fine: it would be accepted, unless the same work is on its way already, which the server knows"


def test_a_good_request_is_called_fine_and_priced(run: Run, tmp_path):
    file = tmp_path / "request.json"
    file.write_text(json.dumps(FINE))

    done = run("check", str(file))

    assert (done.returncode, done.stdout.splitlines()[0]) == (0, FINE_WORDS)
    assert "about 0.7 USD" in done.stdout


def test_everything_that_is_wrong_is_told_with_what_would_be_right(run: Run, tmp_path):
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"model": "sora-2", "prompt": "", "size": "1x1", "duration_s": 999}))

    done = run("check", str(file))

    assert done.returncode == 1
    told = [line.split()[0] for line in done.stdout.splitlines()]
    assert told == ["3", "/prompt", "/size", "/duration_s", "note"]
    assert "it lives on at other upstreams" in done.stdout
    assert "Nearest: 12.\n" in done.stdout


def test_a_model_is_named_in_a_sentence(run: Run, tmp_path):
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"model": "kling-v1-6", "prompt": "x", "n": "2"}))

    told = run("check", str(file)).stdout

    assert "kling-v1-6 was retired by its vendor on 2026-09-15; kling-v2-6" in told
    assert "/n must be a whole number." in told
    assert "Nearest: kling-v2-6, " in told


def test_programs_get_what_the_api_says(run: Run, tmp_path):
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"model": "kling-image-v3", "prompt": "x", "watermark": True}))

    told = json.loads(run("check", "--json", str(file)).stdout)

    assert (told["valid"], told["quote"], told["not_checked"]) == (True, None, ["watermark"])


def test_what_is_no_request_at_all_is_told_too(run: Run, tmp_path):
    file = tmp_path / "request.json"
    file.write_text('{"model": "sora-2", "prompt": 7, "colour": "red"}')

    done = run("check", str(file))

    assert done.returncode == 1
    assert {line.split()[0] for line in done.stdout.splitlines()[1:]} == {"/prompt", "/colour"}


def test_an_inline_image_is_looked_at(run: Run, tmp_path):
    image = {"role": "first_frame", "data": "data:image/png;base64," + "QUJD" * 40}
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"model": "sora-2", "prompt": "x", "reference_images": [image]}))

    done = run("check", str(file))

    assert done.returncode == 1
    assert "/reference_images/0/data" in done.stdout


def test_a_file_that_is_not_there_gets_one_sentence(run: Run):
    assert "cannot be read" in one_sentence(run("check", "/nowhere/request.json"))
