"""How --help shows the arguments, options and examples of a command, as manuals write them."""

import re
from typing import Any

from exporter.cli.app.examples import examples_text

_RANGE = re.compile(r"(\d+)<=x<=(\d+)|x>=(\d+)")


def complete_help(command: Any, name: str) -> None:  # noqa: ANN401 - typer's command is private
    """Have a command, and those in its group, show SOURCE or [SOURCE], and its examples.

    typer writes {SOURCE} or [[SOURCE]], with a type, and ranges as formulas.
    """
    text = examples_text(name)
    command.epilog = f"\b\n{text}" if text else None
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            _show_argument(parameter)
        else:
            _show_option(parameter)
    for each, inner in getattr(command, "commands", {}).items():
        complete_help(inner, f"{name} {each}")


def _show_argument(argument: Any) -> None:  # noqa: ANN401 - typer's own
    usage = argument.metavar if argument.required else f"[{argument.metavar}]"
    argument.get_usage_pieces = lambda _: [usage]
    argument.get_help_record = lambda _: (usage, argument.help)


def _show_option(option: Any) -> None:  # noqa: ANN401 - typer's own
    original = option.get_help_record

    def record(context: Any) -> tuple[str, str] | None:  # noqa: ANN401 - typer's own
        shown = original(context)
        return shown and (shown[0], _RANGE.sub(_range_text, shown[1]))

    option.get_help_record = record


def _range_text(found: re.Match[str]) -> str:
    low, high, least = found.groups()
    return f"at least {least}" if low is None else f"from {low} to {high}"
