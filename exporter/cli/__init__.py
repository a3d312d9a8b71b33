"""The commands. The only package that prints or exits."""

import io
import os
import sys
from typing import NoReturn

from exporter import __version__

VERSION_LINE = f"session-exporter {__version__}"


def main() -> NoReturn:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a tick shows a question mark, and no traceback.
            stream.reconfigure(errors="replace")
    try:
        if sys.argv[1:] == ["--version"]:
            print(VERSION_LINE)
        else:
            # Parsing options takes ten times as long to import as the version takes to print.
            from exporter.cli.app import app  # noqa: PLC0415

            app(prog_name="session-exporter")
    finally:
        _flush()
    sys.exit(0)


def _flush() -> None:
    """Write what is still buffered; a reader that has closed the pipe is no error."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"session-exporter: cannot write the output: {error.strerror}", file=sys.stderr)
            sys.exit(1)
