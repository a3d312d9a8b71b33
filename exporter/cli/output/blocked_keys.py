"""The keys that orphans keep from starting a session, for people and for programs."""

from exporter.cli.output.sessions import more_lines, threshold_text
from exporter.cli.output.terminal.table import Id, table
from exporter.config import AnySource
from exporter.sessions.orphan_list import BlockedKeyList
from exporter.text import UNKNOWN, age, finite, instant, iso


def blocked_table(
    source: AnySource, database: str, found: BlockedKeyList, older_than: float | None
) -> str:
    """The keys of one source that orphans block, for people."""
    most, silent = source.limit_per.max if source.limit_per else 0, threshold_text(older_than)
    title = (
        f"{source.name} ({database}): blocked_count {found.blocked_count}, by sessions not seen "
        f"for more than {silent}; each may have at most {most}"
    )
    if not found.keys:
        return title
    rows = [
        [
            UNKNOWN if each.key is None else Id(each.key),
            *(str(each.active), str(each.orphaned)),
            *(instant(each.last_seen), age(each.silence)),
        ]
        for each in found.keys
    ]
    header = ["key", "active", "orphaned", "oldest last seen", "silent for"]
    more = more_lines(found.blocked_count, len(found.keys), "--limit")
    return "\n".join([title, table(header, rows), *more])


def blocked_json(
    source: AnySource, database: str, found: BlockedKeyList, older_than: float | None
) -> object:
    """The same for programs. docs/commands.md describes it."""
    return {
        "source": source.name,
        "database": database,
        "older_than_seconds": older_than,
        "max": source.limit_per.max if source.limit_per else None,
        "blocked_count": found.blocked_count,
        "blocked": [
            {
                "key": each.key,
                "active": each.active,
                "orphaned": each.orphaned,
                "last_seen_at": iso(each.last_seen),
                "silence_seconds": finite(each.silence),
            }
            for each in found.keys
        ],
    }
