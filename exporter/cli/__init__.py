"""The commands. The only package that prints or exits."""

import io
import os
import sys
from typing import NoReturn

from exporter.cli.app import app


def main() -> NoReturn:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a tick shows a question mark, and no traceback.
            stream.reconfigure(errors="replace")
    try:
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
