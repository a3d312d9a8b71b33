"""The orphaned sessions of one source."""

from exporter.config import Source, format_duration
from exporter.sessions.orphan_list import OrphanList
from exporter.text import UNKNOWN, age, finite, instant, shorten, table


def orphan_table(source: Source, database: str, found: OrphanList, older_than: float) -> str:
    """The orphans of one source, for people."""
    count, silent = found.orphaned_count, format_duration(older_than)
    title = f"{source.name} ({database}): orphaned_count {count}, not seen for more than {silent}"
    if not found.orphans:
        return title
    shown = [each.name for each in source.show]
    rows = [
        [o.id or UNKNOWN, instant(o.last_seen), age(o.silence), age(o.age)]
        + [UNKNOWN if value is None else shorten(value) for value in o.show.values()]
        for o in found.orphans
    ]
    lines = [title, table(["id", "last seen", "silent for", "age", *shown], rows)]
    if count > len(found.orphans):
        lines.append(f"… and {count - len(found.orphans)} more; --limit {count} shows all")
    return "\n".join(lines)


def orphan_json(source: Source, database: str, found: OrphanList, older_than: float) -> object:
    """The same for programs. Times are Unix timestamps, ages seconds; null is unknown."""
    return {
        "source": source.name,
        "database": database,
        "older_than_seconds": older_than,
        "orphaned_count": found.orphaned_count,
        "orphans": [
            {
                "id": orphan.id,
                "last_seen": finite(orphan.last_seen),
                "silence_seconds": finite(orphan.silence),
                "age_seconds": finite(orphan.age),
                "show": dict(orphan.show),
            }
            for orphan in found.orphans
        ],
    }
