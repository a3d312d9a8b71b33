"""The commands. The only package that prints or exits."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from exporter import VERSION_LINE
from exporter.cli.completion import print_completions
from exporter.cli.streams import open_streams
from exporter.errors import ExporterError
from exporter.text import printable_lines


def main() -> NoReturn:
    """The entry point."""
    open_streams()
    try:
        with _errors_reported():
            _run()
    finally:
        with _errors_reported():
            sys.stdout.flush()
    sys.exit(0)


def _run() -> None:
    if sys.argv[1:] == ["--version"]:
        print(VERSION_LINE)
        return
    if sys.argv[1:2] == ["--complete"]:
        print_completions(*sys.argv[2:3], words=sys.argv[3:])
        return
    # Parsing options takes ten times as long to import as the version takes to print.
    from exporter.cli.app import app  # noqa: PLC0415

    app(prog_name="session-exporter")


@contextmanager
def _errors_reported() -> Iterator[None]:
    """Turn what a user can do something about into a sentence and an exit code."""
    try:
        yield
    except ExporterError as error:
        print(f"session-exporter: {printable_lines(str(error))}", file=sys.stderr)
        sys.exit(error.exit_code)
