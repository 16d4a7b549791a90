"""What a person can put right: shown as one sentence, with exit code 1 and no traceback."""

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from tasks_service.embedded.errors import EngineError


class Trouble(Exception):
    """Something outside of this program is not as it must be; the text is one sentence for a newcomer."""


class OneSentence(TyperGroup):
    """A group of commands in which trouble becomes one sentence on standard error."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; anything but trouble goes on as it is."""
        try:
            return super().invoke(ctx)
        except (Trouble, EngineError) as trouble:
            typer.echo(f"creative-tasks: {_one_line(str(trouble))}", err=True)
            raise typer.Exit(1) from trouble
        except BrokenPipeError:
            # `creative-tasks list | head`: who reads has enough; a second complaint at exit helps nobody.
            sys.stderr.close()
            raise typer.Exit(0) from None


def _one_line(text: str) -> str:
    return " ".join(text.split())
