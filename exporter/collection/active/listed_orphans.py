"""The orphans of a source without a table, and the keys that they block."""

from collections.abc import Iterable

from exporter.collection.active.listed import ListedRow, is_blocked, sessions_by_key
from exporter.config import ListedSource
from exporter.sessions.orphan_list import (
    LONGEST_ID,
    BlockedKey,
    BlockedKeyList,
    Orphan,
    OrphanList,
)


def listed_orphans(rows: Iterable[ListedRow], *, limit: int) -> OrphanList:
    """List the longest silent orphans, at most `limit`."""
    orphans = _orphans(rows)
    shown = [
        Orphan(
            id=row.id[:LONGEST_ID],
            last_seen=last_seen,
            age=row.age,
            silence=silence,
            show={},
            cause=row.cause,
        )
        for last_seen, silence, row in orphans[:limit]
    ]
    return OrphanList(len(orphans), tuple(shown))


def listed_blocked_keys(
    source: ListedSource, rows: Iterable[ListedRow], *, limit: int
) -> BlockedKeyList:
    """List the keys that are at their limit only because of orphans."""
    most = 0 if source.limit_per is None else source.limit_per.max
    blocked = []
    for key, sessions in sessions_by_key(rows).items():
        orphans = _orphans(sessions)
        if orphans and is_blocked(sessions, most):
            last_seen, silence, oldest = orphans[0]
            shown = key[:LONGEST_ID]
            of_key = BlockedKey(shown, len(sessions), len(orphans), last_seen, silence)
            blocked.append((last_seen, oldest.id, of_key))
    keys = [of_key for _, _, of_key in sorted(blocked, key=lambda each: each[:2])]
    return BlockedKeyList(len(keys), tuple(keys[:limit]))


def _orphans(rows: Iterable[ListedRow]) -> list[tuple[float, float, ListedRow]]:
    """When each orphan was last seen, its silence, and the orphan; the longest silent one first."""
    found = [
        (row.last_seen, row.silence, row)
        for row in rows
        if row.cause is not None and row.last_seen is not None and row.silence is not None
    ]
    return sorted(found, key=lambda each: (each[0], each[2].id))
