"""The words that completion knows without importing a command are those that the commands take."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import typer.main

from exporter.cli.app import app
from exporter.cli.completion.candidates import ANYTHING, FILE, SOURCE, words_of_commands

pytestmark = pytest.mark.slow  # imports every command; test_candidates has what is made of them

STORED = Path(__file__).parents[4] / "exporter" / "cli" / "completion" / "words.json"


def value_of(parameter: Any) -> str | list[str]:
    """What may stand as the value of an option or an argument."""
    if parameter.metavar in {FILE, SOURCE}:
        return str(parameter.metavar)
    described = getattr(parameter, "type_descriptor", None) or parameter.type  # of an older typer
    choices = getattr(described, "choices", None)
    return [str(getattr(each, "value", each)) for each in choices] if choices else ANYTHING


def words_of(command: Any, name: str, found: dict[str, Any]) -> dict[str, Any]:
    options, arguments = dict[str, Any](), []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            arguments.append(value_of(parameter))
            continue
        value = {} if parameter.is_flag else {"value": value_of(parameter)}
        options |= {each: {"help": parameter.help} | value for each in parameter.opts}
    options["--help"] = {"help": "Show this message and exit."}
    inner = list(getattr(command, "commands", ()))
    summaries = {each: inner_of(command, each).help.split("\n")[0] for each in inner}
    found[name] = {"options": options, "arguments": arguments, "commands": summaries}
    for each in inner:
        words_of(inner_of(command, each), f"{name} {each}".strip(), found)
    return found


def inner_of(group: Any, name: str) -> Any:
    return group.commands[name]


def test_the_stored_words_are_those_of_the_commands() -> None:
    """UPDATE_GOLDEN=1 stores them after a change of a command."""
    found = words_of(typer.main.get_command(app), "", {})
    if os.environ.get("UPDATE_GOLDEN"):
        STORED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    assert json.loads(STORED.read_text(encoding="utf-8")) == found
    assert set(words_of_commands()) == set(found)
