"""The orphans of a source, for people and for programs."""

from exporter.cli.output.sessions import (
    id_cell,
    known_to_daemon,
    known_to_daemon_text,
    more_lines,
    threshold_text,
)
from exporter.cli.output.terminal.screen import stdout_screen
from exporter.cli.output.terminal.table import table
from exporter.config import AnySource, Source
from exporter.sessions.orphan_list import OrphanList
from exporter.text import UNKNOWN, age, finite, instant, iso


def orphan_table(
    source: AnySource, database: str, found: OrphanList, older_than: float | None
) -> str:
    """The orphans of one source, for people; `older_than` is None for the thresholds of rows."""
    count, fixed = found.orphaned_count, source.fixed_threshold
    silent = threshold_text(older_than)
    is_listed_too = isinstance(source, Source) and source.list is not None
    why = "stale in the list or not seen" if is_listed_too else "not seen"
    others = known_to_daemon_text(source)
    besides = f"; {others}" if others else ""
    shown, limit = str(count), source.alert_above
    if limit is not None and count > limit:
        shown = stdout_screen().above(shown)
    title = (
        f"{source.name} ({database}): orphaned_count {shown}, {why} for more than {silent}{besides}"
    )
    if count and older_than is not None and (fixed is None or older_than < fixed):
        after = threshold_text(fixed)
        title += f"; orphaned_after is {after}: not all are orphaned"
    if not found.orphans:
        return title
    headers = ["id", "last seen", "silent for", "age", *(each.name for each in source.show)]
    rows = [
        [id_cell(o.id), instant(o.last_seen), age(o.silence), age(o.age)]
        + [UNKNOWN if value is None else value for value in o.show.values()]
        for o in found.orphans
    ]
    if fixed is None:
        headers.insert(3, "orphaned after")
        for row, orphan in zip(rows, found.orphans, strict=True):
            row.insert(3, age(orphan.threshold))
    if source.has_evidence:
        headers[1:1] = ["cause", "owner"]
        for row, orphan in zip(rows, found.orphans, strict=True):
            row[1:1] = [orphan.cause or UNKNOWN, orphan.owner or UNKNOWN]
    more = more_lines(count, len(found.orphans), "--limit")
    return "\n".join([title, table(headers, rows), *more])


def orphan_json(
    source: AnySource, database: str, found: OrphanList, older_than: float | None
) -> object:
    """The same for programs. docs/commands.md describes it.

    Without `older_than` each orphan is one by its own threshold. With owners or a list each has a
    cause.
    """
    return {
        "source": source.name,
        "database": database,
        "older_than_seconds": older_than,
        "orphaned_count": found.orphaned_count,
        **({"known_to_daemon_alone": known_to_daemon(source)} if source.has_evidence else {}),
        "orphans": [
            {
                "id": orphan.id,
                "last_seen_at": iso(orphan.last_seen),
                "silence_seconds": finite(orphan.silence),
                "age_seconds": finite(orphan.age),
                "orphaned_after_seconds": source.fixed_threshold or finite(orphan.threshold),
                "show": dict(orphan.show),
                **({"cause": orphan.cause, "owner": orphan.owner} if source.has_evidence else {}),
            }
            for orphan in found.orphans
        ],
    }
