"""The command line `di2pose`: one verb per file of this directory, each imported only when it is asked for.

A verb is a plain function that typer reads its options from, or, where it has verbs of its own, a module's typer `app`.
It may return an exit code or nothing. Errors that this project raises on purpose are shown as one line on stderr with
exit code 1; everything else is a defect and keeps its traceback.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

log = logging.getLogger(__name__)

OUR_PACKAGES = frozenset({"engine", "realtime", "training", "tools"})


class VerbMissingError(ImportError):
    """A verb of the table has no file in this installation."""


@dataclass(frozen=True, slots=True)
class Verb:
    name: str
    module: str
    """Imported when the verb is used; holds a typer `app`, or a function that has the verb's name."""
    summary: str
    """Shown by `di2pose --help`, which imports none of the modules."""


VERBS = (
    Verb("demo", "tools.demo", "See it work: the bundled clip, sender and receiver."),
    Verb("live", "tools.live", "Publish 3D poses from a camera, video or screen."),
    Verb("watch", "tools.watch", "Show what a running `live` publishes."),
    Verb("track", "tools.track", "Write the poses of whole video files to a file."),
    Verb("bench", "tools.bench", "Measure how long each stage takes here."),
    Verb("doctor", "tools.doctor", "Say what works here, what does not, what to do."),
    Verb("fetch", "tools.fetch", "Download the pretrained networks once (36 MB)."),
    Verb("data", "tools.data", "Check training data, make things from it."),
    Verb("train", "tools.train", "Train the tokenizer or the denoiser."),
    Verb("evaluate", "tools.evaluate", "Measure a tokenizer or poses on data with ground truth."),
    Verb("export", "tools.export", "Write a trained model for other programs."),
    Verb("build", "tools.build", "Build TensorRT engines, check one."),
    Verb("ablate", "tools.ablate", "Run the paper's ablations on the data at hand."),
)
_VERB_BY_NAME = {verb.name: verb for verb in VERBS}


def load(verb: Verb) -> TyperCommand | TyperGroup:
    """Import the verb's file and read its options.

    Raises VerbMissingError when this installation has no such file.
    """
    try:
        module = importlib.import_module(verb.module)
    except ModuleNotFoundError as error:
        if error.name != verb.module:
            raise
        raise VerbMissingError(f"`di2pose {verb.name}` is not part of this version; update the project") from error
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(verb.name)(getattr(module, verb.name))
    command = typer.main.get_command(app)
    assert isinstance(command, TyperCommand | TyperGroup)
    return command


def is_expected(error: Exception) -> bool:
    """True for errors whose text is meant for the user: every class defined here, and the system's own about files."""
    if isinstance(error, BrokenPipeError):
        return False
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in OUR_PACKAGES


class VerbGroup(TyperGroup):
    """Lists the verbs from the table and imports one only to run it."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(_VERB_BY_NAME)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        verb = _VERB_BY_NAME.get(cmd_name)
        return None if verb is None else TyperCommand(name=verb.name, help=verb.summary)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        verb = _VERB_BY_NAME.get(name or "")
        return name, command if verb is None else load(verb), rest

    def invoke(self, ctx: Any) -> Any:
        try:
            code = super().invoke(ctx)
        except Exception as error:
            if not is_expected(error):
                raise
            log.debug("the command ended with this error", exc_info=error)
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from error
        if isinstance(code, int) and code != 0:
            raise typer.Exit(int(code))
        return code


def print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("di2pose")
        except PackageNotFoundError:
            number = "(not installed, run from its sources)"
        typer.echo(f"di2pose {number} on Python {sys.version.split()[0]}")
        raise typer.Exit


def set_up(
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Log what happens inside, and show where an error comes from.")
    ] = False,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    """Real-time 3D human pose: from a camera to skeletons in another process.

    No picture is stored or sent unless you ask for it.
    Start with `di2pose demo`; with a camera, `di2pose live`, and `di2pose watch` in a second terminal.
    """
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s" if verbose else "%(message)s",
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `di2pose` with these arguments (default: the process's own) and end the process with its exit code."""
    app = typer.Typer(cls=VerbGroup, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
    app.callback()(set_up)
    typer.main.get_command(app).main(None if arguments is None else list(arguments), prog_name="di2pose")


if __name__ == "__main__":
    # Under `-m` this file is `__main__`, whose classes are not those of `tools.cli`.
    importlib.import_module("tools.cli").main()
