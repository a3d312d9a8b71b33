"""docs/recovery/close.md has every option of close, pause and resume, and its hooks are valid."""

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from exporter.cli.app import app

DOCUMENT = (Path(__file__).parents[3] / "docs" / "recovery" / "close.md").read_text("utf-8")
ABOUT_CLOSE, ABOUT_PAUSE = DOCUMENT.split("\n## ")[1:]


def options_of(*commands: str) -> set[str]:
    found = typer.main.get_command(app)
    return {
        next(name for name in parameter.opts if name.startswith("--"))
        for command in commands
        for parameter in found.commands[command].params  # type: ignore[attr-defined]
        if parameter.param_type_name == "option" and parameter.name != "help"
    }


@pytest.mark.parametrize(
    ("section", "commands"), [(ABOUT_CLOSE, ["close"]), (ABOUT_PAUSE, ["pause", "resume"])]
)
def test_the_table_has_every_option_and_no_other(section: str, commands: list[str]) -> None:
    cells = re.findall(r"^\| (`--.*?) \|", section, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`(.*?)`", cell)} == options_of(
        *commands
    )


def test_the_hooks_call_the_program_as_it_can_be_called() -> None:
    (hook,) = re.findall(r"^ExecStopPost=-\S+session-exporter (.*)$", DOCUMENT, re.MULTILINE)
    blocks = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    (pod,) = (found["spec"] for found in map(yaml.safe_load, blocks) if "spec" in found)
    (container,) = pod["containers"]
    shell, flag, script = container["lifecycle"]["preStop"]["exec"]["command"]
    assert (shell, flag) == ("/bin/sh", "-c")
    for line in (hook, script.partition("exec session-exporter ")[2]):
        command, source, *arguments = shlex.split(line)
        assert (command, source) == ("close", "conversations")
        named = {argument for argument in arguments if argument.startswith("--")}
        assert named == {"--owner", "--yes", "--show", "--config.file"} <= options_of("close")
