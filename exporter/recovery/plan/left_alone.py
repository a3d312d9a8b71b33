"""Why automatic recovery leaves orphaned sessions alone, and what to do about them."""

from dataclasses import replace

from exporter.postgres import Reader
from exporter.recovery.close.candidates import count_undone
from exporter.recovery.rule.left_alone import CLOSED_TOO_OFTEN, is_undone
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import orphaned_sessions

UNDONE = "undone by a person, without a sign of life since"

#: Advice by cause.
ADVICE = {
    UNDONE: "these wait until they show life, or for `recover SOURCE --undone`",
    CLOSED_TOO_OFTEN: "the application opens these again: find out why, or close them by "
    "`recover SOURCE --id ID`",
}


async def count_left_alone(reader: Reader, rule: Rule, left: int) -> dict[str, int]:
    """The numbers of orphaned sessions `left` alone, by cause, without zeros.

    Raises SourceError that names the failing key.
    """
    if not left:
        return {}
    orphans = orphaned_sessions(rule, with_backlog=False)
    undone = await count_undone(reader, replace(orphans, undone=is_undone(rule)))
    counts = {UNDONE: undone, CLOSED_TOO_OFTEN: max(left - undone, 0)}
    return {cause: count for cause, count in counts.items() if count}
