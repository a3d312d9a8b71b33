"""Which words may stand in a place of a command line."""

import json
import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from exporter.cli.completion.sources import source_names
from exporter.cli.config_path import find_config

#: What stands for an option or an argument whose value is a file, a source, or anything.
FILE, SOURCE, ANYTHING = "FILE", "SOURCE", "ANYTHING"

#: One of these, or the words that may stand there.
Value = str | list[str]

#: A word, and its description.
Candidate = tuple[str, str]


@cache
def words_of_commands() -> dict[str, Any]:
    """The parameters of each command, by its words: `options`, `arguments`, `commands`."""
    text = files("exporter.cli.completion").joinpath("words.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@dataclass(slots=True)
class _Line:
    """The meaning of the words before the current one."""

    command: str = ""
    """The command, or the group and its command."""
    config: str | None = None
    """The config file that is named."""
    position: int = 0
    """How many arguments there were."""
    pending: Value | None = None
    """The value of the option before the current word."""

    @property
    def takes(self) -> dict[str, Any]:
        """The words that the command takes."""
        return cast("dict[str, Any]", words_of_commands()[self.command])

    def value_of(self, option: str) -> Value | None:
        return cast("Value | None", self.takes["options"].get(option, {}).get("value"))

    def add(self, word: str) -> None:
        """Read the next word."""
        if self.pending is not None:
            self._give(self.pending, word)
            self.pending = None
        elif word.startswith("-"):
            name, has_value, value = word.partition("=")
            self.pending = self.value_of(name)
            if has_value and self.pending is not None:
                self._give(self.pending, value)
                self.pending = None
        elif word in self.takes["commands"]:
            self.command = f"{self.command} {word}".strip()
        else:
            self.position += 1

    def _give(self, kind: Value, value: str) -> None:
        if kind == FILE:
            self.config = value

    def candidates(self) -> list[Candidate] | None:
        """The candidates; None: any file."""
        if self.pending is not None:
            return _values(self.pending, self.config)
        if self.takes["commands"]:
            return list(self.takes["commands"].items())
        if self.position < len(self.takes["arguments"]):
            return _values(self.takes["arguments"][self.position], self.config)
        return self.options()

    def options(self) -> list[Candidate]:
        return [(name, each["help"]) for name, each in self.takes["options"].items()]


def complete(words: Sequence[str], *, joins: bool = False) -> list[Candidate] | None:
    """The candidates for the last of the words; None: any file.

    With `joins` an option, its `=` and its value are three words, as bash has them.
    """
    *before, current = _joined(words or [""]) if joins else words or [""]
    line, prefix = _Line(), ""
    for word in before:
        line.add(word)
    name, has_value, value = current.partition("=")
    if line.pending is None and current.startswith("-") and has_value:
        line.pending, current = line.value_of(name) or ANYTHING, value
        prefix = "" if joins else f"{name}="
    is_option = line.pending is None and current.startswith("-")
    found = line.options() if is_option else line.candidates()
    if found is None:
        return None
    return [(f"{prefix}{word}", about) for word, about in found if word.startswith(current)]


def _joined(words: Iterable[str]) -> list[str]:
    joined = list[str]()
    for word in words:
        option = joined[-1] if joined and joined[-1].startswith("--") else ""
        if option and ((word == "=" and "=" not in option) or option.endswith("=")):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def _values(kind: Value, config: str | None) -> list[Candidate] | None:
    if kind == FILE:
        return None
    if kind == SOURCE:
        path = find_config(None if config is None else _path(config))
        return [(name, "") for name in source_names(path)]
    return [] if isinstance(kind, str) else [(each, "") for each in kind]


def _path(word: str) -> Path:
    """The file that a shell would open for a word: bash and zsh give it in its quotes."""
    if os.path.lexists(word):
        return Path(word)
    try:
        parts = shlex.split(word)
    except ValueError:
        parts = [word]
    return Path(os.path.expandvars("".join(parts))).expanduser()
