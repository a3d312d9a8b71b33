"""The sessions that a plan would close, and why some sessions of --id are not among them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from exporter.config import format_duration
from exporter.postgres import Reader
from exporter.recovery.close.candidates import Preview, find_candidates
from exporter.recovery.rule.limits import Limits, has_id
from exporter.recovery.rule.selection import Selection
from exporter.recovery.rule.session_id import id_text

#: Why sessions are not closed, not even in a planned stop, by category.
NEVER_CLOSED = {
    "exempt": "protected, by recovery.exempt",
    "endless": "without an end: recovery.end_at gives none, or one before the start",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The sessions that a plan would close, longest silent first."""

    selection: Selection
    limits: Limits
    selected: int
    """How many of the sessions that can be closed are chosen by --id and --older-than."""
    count: int
    """How many of them would be closed: no more than --limit."""
    undone_count: int
    """How many of these a person has undone before."""
    unselected: Mapping[str, str]
    """Why sessions that --id names would not be closed, by id."""
    previews: tuple[Preview, ...]
    hidden: str
    """Why there are no previews."""


async def explain_unselected(
    reader: Reader,
    selection: Selection,
    limits: Limits,
    count: Callable[[str], Awaitable[Mapping[str, int]]],
    left_alone: Mapping[str, str],
) -> dict[str, str]:
    """Why a session would not be closed, by the id that names it.

    `count` counts the active sessions that satisfy a condition, by category; `left_alone` has the
    reasons for the categories that are not closed. Raises SourceError.
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
            why = await _reason(selection, alone, bool(found), count, left_alone)
            unselected[id_text(id_)] = why
    return unselected


async def _reason(
    selection: Selection,
    limits: Limits,
    is_found: bool,
    count: Callable[[str], Awaitable[Mapping[str, int]]],
    left_alone: Mapping[str, str],
) -> str:
    """Why the session of the limits is not among those that would be closed."""
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
