"""Commands to copy from the page, from the API or from a runbook."""

import shlex
from dataclasses import dataclass

PROGRAM = "session-exporter"


@dataclass(frozen=True, slots=True)
class ShownCommand:
    """A command line to copy, with the prefix of `--web.command-prefix`, and its purpose."""

    text: str
    purpose: str


def make_command(prefix: str, *words: str, purpose: str) -> ShownCommand:
    """A command of session-exporter; words are quoted for a shell if necessary."""
    line = shlex.join([PROGRAM, *words])
    return ShownCommand(f"{prefix} {line}" if prefix else line, purpose)
