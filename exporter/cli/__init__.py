"""The commands. The only package that prints or exits."""

import io
import sys
from typing import NoReturn

from exporter.cli.app import app
from exporter.cli.commands import sql, watch  # noqa: F401 - they add their commands to the app
from exporter.cli.each_source import flush
from exporter.cli.recovery import close, pause, recover  # noqa: F401 - they add their commands to the app


def main() -> NoReturn:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a tick shows a question mark, and no traceback.
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="session-exporter")
    finally:
        flush()
    sys.exit(0)
