"""Failures of single sources, on stderr; the results of others are on stdout."""

import sys

from exporter.text import printable


def print_failure(source: str, database: str, why: str) -> None:
    """Report the failure of a source in one of its databases on stderr."""
    print(printable(f"session-exporter: {source} ({database}): {why}"), file=sys.stderr)
