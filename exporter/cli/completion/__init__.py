"""Completes a command line for a shell, which calls `session-exporter --complete SHELL WORD…`.

It imports no command, connects to nothing, and whatever goes wrong, it prints no error: a person is
in the middle of a line. words.json has the words that the commands take, which a test compares.
"""

import contextlib
import sys
from collections.abc import Sequence

#: What a shell is told instead of words: it completes the names of files.
FILES = "files"


def print_completions(shell: str = "", *, words: Sequence[str] = ()) -> None:
    """Print the words that may stand in the place of the last one, each with its description."""
    with contextlib.suppress(Exception):  # an unreadable config file, a word that is no text
        from exporter.cli.completion.candidates import complete  # noqa: PLC0415 - may fail as well

        found = complete(words, joins=shell == "bash")
        lines = [FILES] if found is None else [f"{word}\t{about}" for word, about in found]
        sys.stdout.write("".join(f"{line}\n" for line in lines))
