"""A command imports what it uses, and not what other commands use."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.cli.app.table import COMMANDS

ROOT = Path(__file__).parents[3]
CLI = ROOT / "exporter" / "cli"

#: Runs a command, and prints the modules that it has imported as the last line.
RECORDER = """
import atexit, sys
atexit.register(lambda: print(sorted(sys.modules)))
from exporter.cli import main
main()
"""

#: What serves, schedules, collects and sends.
OF_THE_DAEMON = (
    *("apscheduler", "httptools", "httpx", "prometheus_client", "starlette", "uvicorn", "uvloop"),
    *("exporter.check.live", "exporter.collection", "exporter.daemon", "exporter.demo"),
    *("exporter.recovery", "exporter.sessions"),
)


def imported_by(*arguments: str | Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", RECORDER, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={"DATABASE_URL": "postgresql:///app"},
    )
    return set(ast.literal_eval(done.stdout.splitlines()[-1]))


@pytest.mark.quick("version", "check -c", "once")
@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (["--version"], [*OF_THE_DAEMON, "asyncio", "exporter.config", "psycopg", "yaml"]),
        (["sql", "--help"], ["exporter.check.live", "exporter.daemon", "exporter.demo", "uvicorn"]),
        (["schema"], [*OF_THE_DAEMON, "psycopg"]),
        (
            ["--complete", "bash", "orphans", "-c", ROOT / "config.yaml", ""],
            [*OF_THE_DAEMON, "asyncio", "exporter.config", "psycopg", "pydantic", "typer"],
        ),
        (
            ["check", "-c", ROOT / "config.yaml"],
            [*OF_THE_DAEMON, "asyncio", "exporter.postgres", "exporter.queries", "psycopg"],
        ),
        (["once", "--help"], ["apscheduler", "exporter.demo", "starlette", "uvicorn"]),
        (["orphans", "--help"], ["exporter.daemon", "exporter.demo", "starlette", "uvicorn"]),
    ],
    ids=lambda value: " ".join(map(str, value))[:20],
)
def test_a_command_does_not_import_what_it_does_not_use(
    arguments: list[str | Path], unused: list[str]
) -> None:
    assert imported_by(*arguments) & set(unused) == set()


def test_each_module_of_a_command_is_in_the_table() -> None:
    modules = {
        ".".join(each.relative_to(ROOT).with_suffix("").parts)
        for folder in ("commands", "recovery")
        for each in (CLI / folder).glob("[!_]*.py")
    }
    folders = {each.rpartition(".")[0] for each in modules}
    named = {command.module for command in COMMANDS.values()}
    assert modules == {each for each in named if each.rpartition(".")[0] in folders}
