"""Causes: why a row is orphaned by evidence, as SQL that reads transaction settings.

A statement is built once, but evidence changes with each answer: so a verdict is passed as
transaction-local settings before the statement. If a setting is missing, age decides.
"""

from dataclasses import dataclass

from exporter.queries import fill, literal

#: Why a session may be orphaned, in the order of evaluation.
CAUSES = ("ownerless", "stale_in_list", "ghost", "age")

DEAD_OWNERS, LISTED, LISTED_SEEN, GHOSTS = (
    f"session_exporter.{name}" for name in ("dead_owners", "listed", "listed_seen", "ghosts")
)

#: By the comparison with all listed times: the setting that decides whether any fits.
_EXTREMES = {"<": "session_exporter.listed_oldest", ">": "session_exporter.listed_newest"}


@dataclass(frozen=True, slots=True)
class Listed:
    """The state of a row in a list, as SQL."""

    id_text: str
    is_stale: str
    """Whether a list holds it, with a last sign of life that is too old."""


def cause(
    *, last_seen: str, by_age: str, owner: str | None, listed: Listed | None, is_silent: str | None
) -> str:
    """The cause of an active row, as text; NULL where it is not orphaned.

    `is_silent` is a further condition for an ownerless row or a ghost; None: no condition.
    """
    besides = "" if is_silent is None else f" AND {is_silent}"
    by_owner = by_list = ""
    if owner is not None:
        by_owner = f"WHEN {is_in(DEAD_OWNERS, owner)}{besides} THEN 'ownerless'"
    if listed is not None:
        is_ghost = f"{is_in(GHOSTS, listed.id_text)}{besides}"
        by_list = f"WHEN {listed.is_stale} THEN 'stale_in_list' WHEN {is_ghost} THEN 'ghost'"
        by_age = f"{by_age} AND {is_listed(listed.id_text)} IS NOT TRUE"
    parts = {"by_owner": by_owner, "by_list": by_list, "by_age": by_age}
    return fill("collection/orphaned/cause", last_seen=last_seen, **parts)


def is_listed(id_text: str) -> str:
    """Whether a list holds the row; NULL for a row without an id."""
    return is_in(LISTED, id_text)


def is_listed_before(id_text: str, bound: str) -> str:
    """Whether a list holds the row, with a last sign of life before a timestamptz."""
    return _is_listed_beside(id_text, "<", bound)


def is_listed_after(id_text: str, bound: str) -> str:
    """Whether a list holds the row, with a last sign of life after a timestamptz."""
    return _is_listed_beside(id_text, ">", bound)


def seen_in_list(id_text: str) -> str:
    """The list's last sign of life of a listed row, as timestamptz; NULL where it gives none."""
    names = {"listed": literal(LISTED), "seen": literal(LISTED_SEEN)}
    return fill("collection/orphaned/seen_in_list", id=id_text, **names)


def listed_ids() -> str:
    """The query for the contents of a list."""
    return fill("collection/orphaned/elements", setting=literal(LISTED))


def _is_listed_beside(id_text: str, compared: str, bound: str) -> str:
    names = {"listed": literal(LISTED), "seen": literal(LISTED_SEEN)}
    time = {"compared": compared, "bound": bound}
    listed = fill("collection/orphaned/stale", **time, **names)
    extreme = literal(_EXTREMES[compared])
    any_listed = fill("collection/orphaned/any_listed", **time, extreme=extreme)
    return f"({any_listed} AND {id_text} IN ({listed}))"


def is_in(setting: str, key: str) -> str:
    """Whether a text is in a setting of the transaction; NULL for NULL."""
    return f"({key} IN ({fill('collection/orphaned/elements', setting=literal(setting))}))"
