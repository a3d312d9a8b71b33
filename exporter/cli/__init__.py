"""The commands. The only package that prints or exits.

Modules are imported when they are used, and when Ctrl-C is heeded: that takes most of the time
until a command begins.
"""

import sys
from collections.abc import Callable

from exporter.cli.output.terminal.interrupts import INTERRUPTED, end_at_once


def main() -> None:
    """The entry point; it exits."""
    end_at_once()
    from exporter.cli.streams import open_streams  # noqa: PLC0415

    open_streams()
    try:
        _report_errors(_run)
    finally:
        _report_errors(sys.stdout.flush)
    sys.exit(0)


def _run() -> None:
    if sys.argv[1:] == ["--version"]:
        from exporter import VERSION_LINE  # noqa: PLC0415

        print(VERSION_LINE)
        return
    if sys.argv[1:2] == ["--complete"]:
        from exporter.cli.completion import print_completions  # noqa: PLC0415

        print_completions(*sys.argv[2:3], words=sys.argv[3:])
        return
    # Parsing options takes ten times as long to import as the version takes to print.
    from exporter.cli.app import app  # noqa: PLC0415

    app(prog_name="session-exporter")


def _report_errors(work: Callable[[], object]) -> None:
    """Turn what a user can do something about into a sentence and an exit code."""
    from exporter.errors import ExporterError  # noqa: PLC0415
    from exporter.text import printable_lines  # noqa: PLC0415

    try:
        work()
    except ExporterError as error:
        print(f"session-exporter: {printable_lines(str(error))}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:  # while the end of the output is written
        sys.exit(INTERRUPTED)
