"""What --help shows: each command in a line, and examples that work."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from exporter.cli.app import app
from exporter.cli.app.examples import EXAMPLES
from exporter.cli.app.table import CHANGING, COMMANDS, READING
from tests.support.processes.session_exporter import run

pytestmark = pytest.mark.slow  # imports every command; test_commands runs them

WIDTH = 80


def commands(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each command and group by its words."""
    for name in group.commands:
        command = group.commands[name]
        yield f"{prefix}{name}", command
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix}{name} ")


ALL = dict(commands(typer.main.get_command(app)))


def help_of(words: str, folder: Path) -> str:
    done = run(*words.split(), "--help", folder=folder, COLUMNS=str(WIDTH))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_help_lists_what_only_reads_before_what_changes_data(tmp_path: Path) -> None:
    text = help_of("", tmp_path)
    reading, changing = text.index(f"{READING}:"), text.index(f"{CHANGING}:")
    assert reading < changing
    for name, command in COMMANDS.items():
        at = text.index(f"\n  {name} ")
        assert (at > changing) == (command.heading == CHANGING), name


def test_help_shows_each_command_whole_in_a_line_of_80_columns(tmp_path: Path) -> None:
    text = help_of("", tmp_path)
    for name, command in COMMANDS.items():
        (line,) = (each for each in text.splitlines() if each.startswith(f"  {name} "))
        assert line.endswith(f"  {command.summary}")
        assert len(line) < WIDTH


@pytest.mark.parametrize("words", ALL)
def test_nothing_in_the_help_of_a_command_is_cut_or_too_wide(words: str, tmp_path: Path) -> None:
    text = help_of(words, tmp_path)
    assert "..." not in text.replace("[ARGS]...", "")
    assert [line for line in text.splitlines() if len(line) >= WIDTH] == []
    assert "[[" not in text
    assert "{" not in text


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_begins_with_its_line_in_the_list(name: str) -> None:
    assert ALL[name].help.split("\n")[0] == COMMANDS[name].summary


@pytest.mark.parametrize("words", ALL)
def test_each_argument_and_option_is_described_in_a_sentence(words: str) -> None:
    for parameter in ALL[words].params:
        assert parameter.help, f"{words} {parameter.name}"
        assert parameter.help[0].isupper(), parameter.help
        assert parameter.help.endswith((".", "(limit_per).")), parameter.help


def test_each_command_has_two_examples() -> None:
    assert {words: len(found) for words, found in EXAMPLES.items()} == dict.fromkeys(ALL, 2)


@pytest.mark.parametrize(
    ("words", "example"),
    [(words, example) for words, both in EXAMPLES.items() for _, example in both],
)
def test_each_example_is_accepted_by_its_command(words: str, example: str) -> None:
    """A part in another program is not asked: what is behind a pipe, or before `$(`."""
    inner = example.partition("$(")[2].partition(")")[0] if "$(" in example else example
    arguments = shlex.split(inner.partition("|")[0].partition(">")[0])
    if arguments[0] == "session-exporter":
        arguments = arguments[1:]
    expected = words.split()
    assert arguments[: len(expected)] == expected
    command = ALL[words]
    rest = arguments[len(expected) :]
    if words == "sql":
        command, rest = ALL[f"sql {rest[0]}"], rest[1:]
    command.make_context(words, rest)  # raises where one is wrong


@pytest.mark.parametrize("words", ALL)
def test_the_help_of_a_command_shows_its_examples_to_be_copied(words: str, tmp_path: Path) -> None:
    text = help_of(words, tmp_path)
    for about, example in EXAMPLES[words]:
        assert f"\n    {about}\n" in text
        whole = example if "session-exporter " in example else f"session-exporter {example}"
        assert f"\n      {whole}\n" in text
