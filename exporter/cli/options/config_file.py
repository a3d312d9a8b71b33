"""The option that names the config file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from exporter.cli.config_path import DEFAULT_CONFIG, SYSTEM_CONFIG, VARIABLE, find_config


def _found(context: Any, value: Path) -> Path:  # noqa: ANN401 - typer's own
    """The value of the option, or the default path."""
    source = context.get_parameter_source("config_file")
    return find_config(None if source is None or source.name == "DEFAULT" else value)


ConfigFile = Annotated[
    Path,
    typer.Option(
        "--config.file",
        "-c",
        metavar="FILE",
        help=f"Read this config file. Without it: ${VARIABLE}, else {DEFAULT_CONFIG}, "
        f"else {SYSTEM_CONFIG}.",
        callback=_found,
        show_default=False,
    ),
]
