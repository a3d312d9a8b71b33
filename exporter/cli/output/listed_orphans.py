"""The lists of `orphans` for sources without a table. Imported only if there are any."""

from collections.abc import Iterable
from typing import Any

from exporter.cli.output.blocked_keys import blocked_json, blocked_table
from exporter.cli.output.orphans import orphan_json, orphan_table
from exporter.cli.output.terminal.failures import print_failure
from exporter.collection.active.listed import rows_of
from exporter.collection.active.listed_orphans import listed_blocked_keys, listed_orphans
from exporter.config import ListedSource
from exporter.daemon import machine_clock
from exporter.evidence.evidence import Evidence


def describe_lists(
    sources: Iterable[ListedSource],
    evidence: Evidence,
    *,
    older_than: float | None,
    blocked: bool,
    is_json: bool,
    limit: int,
) -> tuple[list[Any], bool]:
    """Return each source's orphans, or the keys they block, as text or JSON, and if any failed."""
    results, failed = list[Any](), False
    for source, database in ((each, place) for each in sources for place in each.databases):
        if why := evidence.why_incomplete((database, source.name)):
            print_failure(source.name, database, why)
            failed = True
            continue
        sessions, now = evidence.sessions((database, source.name)), machine_clock.CLOCK.wall()
        rows = rows_of(source, sessions, now, older_than=older_than)
        after = older_than or source.fixed_threshold
        if blocked:
            write_keys = blocked_json if is_json else blocked_table
            keys = listed_blocked_keys(source, rows, limit=limit)
            results.append(write_keys(source, database, keys, after))
        else:
            write = orphan_json if is_json else orphan_table
            results.append(write(source, database, listed_orphans(rows, limit=limit), after))
    return results, failed
