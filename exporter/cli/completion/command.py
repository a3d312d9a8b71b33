"""`session-exporter completion`: what has a shell complete commands, options and sources."""

from enum import StrEnum
from importlib.resources import files
from typing import Annotated

import typer


class Shell(StrEnum):
    """The shells that there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="The shell: bash, zsh or fish.")],
) -> None:
    """Print the completion script of a shell.

    It completes commands, options and the names of sources.
    """
    scripts = files("exporter.cli.completion").joinpath("scripts")
    print(scripts.joinpath(f"session-exporter.{shell}").read_text(encoding="utf-8"), end="")
