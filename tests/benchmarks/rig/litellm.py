"""LiteLLM's proxy in an environment of its own, made when it is first asked for, beside our own in `.venv`."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.benchmarks.rig.engines import Engines
from tests.benchmarks.rig.served import Server, running

VERSION = "1.108.7"
KEY, MODEL = "sk-bench-0123456789", "bench-video"
_HOME = Path(__file__).parents[3] / ".venv" / f"litellm-{VERSION}"
_CONFIG = """
model_list:
  - model_name: {model}
    litellm_params: {{model: openai/sora-2, api_base: "{url}/v1", api_key: sk-upstream}}
general_settings: {{master_key: {key}}}
litellm_settings: {{telemetry: false}}
"""


class NotHere(Exception):
    """It cannot be installed on this machine; the words say why."""


def install() -> None:
    """Make its environment, once. Raises NotHere."""
    if (_HOME / "made").exists():
        return
    pip = (
        _HOME / "bin" / "python",
        "-m",
        "pip",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "install",
        "--quiet",
    )
    for command in ([sys.executable, "-m", "venv", _HOME], [*pip, f"litellm[proxy]=={VERSION}"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotHere((done.stderr or done.stdout).strip().splitlines()[-1])
    (_HOME / "made").touch()


@asynccontextmanager
async def proxy(engines: Engines, url: str) -> AsyncGenerator[Server]:
    """Its proxy with one worker and one model, whose upstream is ours; nothing is kept in a database."""
    await asyncio.to_thread(install)
    config = engines.folder / "litellm.yaml"
    config.write_text(_CONFIG.format(model=MODEL, url=url, key=KEY), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    quiet = {"LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    program = (
        str(_HOME / "bin" / "litellm"),
        "--host",
        "127.0.0.1",
        "--config",
        str(config),
        "--port",
        "{port}",
    )
    async with running(engines, program, kept | quiet) as server:
        yield server
