"""What a person can put right: shown as one sentence, with exit code 1 and no traceback."""

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from tasks_service.cli.screen import clipped, plain
from tasks_service.embedded.errors import EngineError

_LONGEST = 1000


class Trouble(Exception):
    """Something outside of this program is not as it must be; the text is one sentence for a newcomer."""


class OneSentence(TyperGroup):
    """A group of commands in which trouble becomes one sentence on standard error."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse, for every command at once, words that are not text: nothing below us can store them."""
        for number, word in enumerate(args, start=1):
            if any("\ud800" <= letter <= "\udfff" for letter in word):
                _say(f"Word {number} of the command is not valid Unicode text.")
                raise typer.Exit(1)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; anything but trouble goes on as it is."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except (Trouble, EngineError) as trouble:
            _say(str(trouble))
            raise typer.Exit(1) from trouble
        except BrokenPipeError:
            # `creative-tasks list | head`: who reads has enough; a second complaint at exit helps nobody.
            _write_no_more()
            raise typer.Exit(0) from None
        except OSError as error:
            _write_no_more()
            where = f" ({error.filename})" if error.filename else ""
            _say(f"The system refused something: {(error.strerror or str(error)).lower()}{where}.")
            raise typer.Exit(1) from error
        except UnicodeError as error:
            _say("Something that was given, or a file that was read, is not valid Unicode text.")
            raise typer.Exit(1) from error
        except typer.BadParameter as error:
            error.message = clipped(error.message, _LONGEST)
            raise


def _say(sentence: str) -> None:
    typer.echo(f"creative-tasks: {clipped(' '.join(plain(sentence).split()), _LONGEST)}", err=True)


def _write_no_more() -> None:
    """What is still in the buffer cannot be written; at exit that would be a second complaint."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
