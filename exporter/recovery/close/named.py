"""The sessions that --id names, and why some of them would not be closed."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from exporter.config import format_duration
from exporter.postgres import Reader
from exporter.recovery.close.candidates import find_candidates
from exporter.recovery.rule.limits import Limits, has_id
from exporter.recovery.rule.selection import Selection

#: Why sessions are not closed, in a planned stop neither, by category.
NEVER_CLOSED = {
    "exempt": "protected, by recovery.exempt",
    "endless": "without an end: recovery.end_at gives none, or one before the start",
}


async def explain_unselected(
    reader: Reader,
    selection: Selection,
    limits: Limits,
    count: Callable[[str], Awaitable[Mapping[str, int]]],
    left_alone: Mapping[str, str],
) -> dict[str, str]:
    """Why a session would not be closed, by the id that names it.

    `count` counts the active sessions of a condition by category; `left_alone` has the reasons of
    the categories that are not closed. Raises SourceError.
    """
    if not limits.ids:
        return {}
    rule = selection.rule
    selected = {each.session async for page in find_candidates(reader, selection) for each in page}
    unselected = {}
    for id_ in limits.ids:
        named = has_id(rule, id_)
        found = await reader.rows(rule.statement("recovery/plan/named", named=named))
        if not {session for (session,) in found} & selected:
            alone = replace(limits, ids=(id_,))
            unselected[id_] = await _reason(selection, alone, bool(found), count, left_alone)
    return unselected


async def _reason(
    selection: Selection,
    limits: Limits,
    is_found: bool,
    count: Callable[[str], Awaitable[Mapping[str, int]]],
    left_alone: Mapping[str, str],
) -> str:
    """Why the session that the limits name is not among those that would be closed."""
    if not is_found:
        return "not found"
    rule = selection.rule
    categories = [each for each, many in (await count(has_id(rule, *limits.ids))).items() if many]
    if not categories:
        return "not active"
    if categories[0] in left_alone:
        return left_alone[categories[0]]
    if limits.older_than is not None and not any((await count(limits.condition(rule))).values()):
        return f"seen within the last {format_duration(limits.older_than)} (--older-than)"
    if limits.most is not None:
        return "over --limit"
    return "changed while this command ran"
