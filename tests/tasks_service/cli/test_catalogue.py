"""`creative-tasks models`: the catalogue as people and programs read it."""

import json

from schemas.capabilities import Kind, Model
from schemas.providers import PROVIDERS
from tasks_service.cli.catalogue import facts_of
from tests.tasks_service.cli.conftest import Run, one_sentence

NAMES = [model.name for provider in PROVIDERS.values() for model in provider.models]


def test_every_model_has_a_line(run: Run):
    done = run("models")

    assert done.returncode == 0
    first = [line.split()[0] for line in done.stdout.splitlines() if line]
    assert set(NAMES) <= set(first)


def test_one_model_is_told_with_everything_and_what_is_unknown_is_called_that(run: Run):
    told = run("models", "kling-image-v2-new").stdout

    assert "ratios               not known" in told
    assert "prompt_max           2500" in told
    assert "Kling API reference" in told


def test_what_a_model_does_not_have_is_not_called_unknown(run: Run):
    told = run("models", "kling-v2-6").stdout

    assert "free_sizes           none" in told
    assert "images_and_n_max     none" in told
    assert "default_ratio        none" in told
    assert "stalled_after_s      as for any other" in told
    assert "retires_on           not known" in told


def test_where_sizes_are_unknown_free_ones_are_too():
    model = Model(name="film", kind=Kind.VIDEO, sizes=None)

    assert [shown for label, shown in facts_of(model) if label in ("sizes", "free_sizes")] == [
        "not known",
        "not known",
    ]


def test_programs_get_the_table_itself(run: Run):
    told = json.loads(run("models", "sora-2", "--json").stdout)

    [model] = told["data"]
    assert (model["name"], model["audio"], model["durations_s"]) == ("sora-2", "always", [4.0, 8.0, 12.0])
    assert told["catalogue"]


def test_a_wrong_name_gets_the_one_that_was_probably_meant(run: Run):
    done = run("models", "sora2")

    assert done.returncode == 1
    assert "Did you mean sora-2?" in one_sentence(done)
