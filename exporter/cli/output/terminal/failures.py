"""What could not be done for one source, on stderr; what was done for others is on stdout."""

import sys

from exporter.text import printable


def print_failure(source: str, database: str, why: str) -> None:
    """Say on stderr what was not done for a source in one of its databases."""
    print(printable(f"session-exporter: {source} ({database}): {why}"), file=sys.stderr)
