"""What a person needs once everything is up: the address, a key, and lines to paste."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tasks_service.cli.configuration import shown
from tasks_service.cli.demo.progress import Telling
from tasks_service.cli.supervisor.starting import Started
from tasks_service.settings import Settings

_PICTURE = {"model": "sandbox-image-1", "prompt": "a paper boat in the rain"}


def welcome(started: Started) -> list[str]:
    """Address, key, a curl line and a line for OpenAI's SDK; both work as they are."""
    key = started.api_key
    if key is None:
        return [
            "",
            f"  address   {started.address}",
            "  API key   make one: creative-tasks keys new --account NAME",
        ]
    ask = _create(started, key) if started.sandbox else _list_models(started, key)
    return [
        "",
        f"  address   {started.address}",
        f"  API key   {key}",
        "",
        "  try it:",
        *(f"  {line}" for line in ask),
    ]


def what_to_look_at(tellings: Sequence[Telling], folder: Path) -> list[str]:
    """After the stories: two of them in plain words."""
    unknown = next((t.task_id for t in tellings if t.story.ending.parked and t.task_id), None)
    made = next((t.task_id for t in tellings if t.story.ending.files and t.task_id), None)
    us = Path(sys.argv[0])
    ourselves = shown(us) if us.name == "creative-tasks" else "creative-tasks"
    if folder != Path(Settings.model_fields["data_folder"].default):
        ourselves = f"CREATIVE_TASKS_DATA_FOLDER={shown(folder)} {ourselves}"
    looks = [("history", made, ""), ("why", unknown, ""), ("why", unknown, " --lang zh")]
    return ["", "  look at:", *(f"  {ourselves} {word} {task}{more}" for word, task, more in looks if task)]


def farewell(folder: Path) -> str:
    """The last line."""
    return f"Everything has ended; the data stays in {shown(folder)}."


def _create(started: Started, key: str) -> list[str]:
    body, sdk = json.dumps(_PICTURE), _sdk(started, key)
    # Another picture: pasted right after the first line, the same one would be refused as a duplicate.
    another = {**_PICTURE, "prompt": "a paper boat in the sun"}
    address = f"{started.address}/v1/tasks"
    json_headers = f"-H 'Authorization: Bearer {key}' -H 'Content-Type: application/json'"
    return [
        f"curl -s {address} {json_headers} -d '{body}'",
        f"{sdk} print(c.post('/tasks', cast_to=object, body={another}))\"",
    ]


def _list_models(started: Started, key: str) -> list[str]:
    return [
        f"curl -s {started.address}/v1/models -H 'Authorization: Bearer {key}'",
        f"{_sdk(started, key)} print(c.get('/models', cast_to=object))\"",
    ]


def _sdk(started: Started, key: str) -> str:
    client = f"OpenAI(base_url='{started.address}/v1', api_key='{key}')"
    return f'python3 -c "from openai import OpenAI; c = {client};'
