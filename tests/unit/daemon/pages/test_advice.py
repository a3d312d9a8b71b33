"""What helps now: each command that the page shows is one that there is, with its arguments."""

import shlex
from typing import Any

import typer

from exporter.cli.app import app
from exporter.daemon.pages.overview.advice import find_advice
from exporter.daemon.pages.overview.values import Brake
from tests.support.pages.overviews import a_collector, a_recovery, a_source

#: Everything is wrong with it, one way or the other.
WRONG: list[dict[str, Any]] = [
    {
        "collectors": (a_collector(reason="schema", duration=9.0),),
        "recovery": a_recovery(mode="auto", reason="permission", held=3),
        "inconsistent": {"future": 2},
        "indexes_missing": ("active",),
    },
    {
        "collectors": (a_collector(reason="connect"),),
        "recovery": a_recovery(mode="auto", brakes=(Brake("silent", False, None, None),)),
    },
]


def test_each_command_is_accepted_as_it_stands() -> None:
    found = [each for wrong in WRONG for each in find_advice(a_source("chat", 9, **wrong), "")]
    commands = [each.command.text for each in found if each.command is not None]
    assert len(commands) >= 6
    cli: Any = typer.main.get_command(app)
    for text in commands:
        program, *words = shlex.split(text)
        assert program == "session-exporter"
        command = cli
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        command.make_context(command.name, words)
