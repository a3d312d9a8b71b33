"""Whether a row was lost within a slice of time, as a condition of the statement that counts."""

from exporter.sessions import CAUSES, STATEMENT_TIME, SessionTable, interval, orphaned
from exporter.sessions.orphaned import causes

#: Parameters of the statement, which is built once for a table: the beginning of the slice, and
#: since when losses are counted. A slice that begins with the default is empty.
BEGIN = "pg_catalog.to_timestamp('infinity'::float8)"
SINCE = "pg_catalog.to_timestamp('inf'::float8)"

#: The settings of the transaction besides the verdict, if there is evidence.
COUNTED_OWNERS, COUNTED_GHOSTS, LIVED_OWNERS, LIVED, LEFT = (
    f"session_exporter.{name}"
    for name in ("counted_owners", "counted_ghosts", "lived_owners", "lived", "left")
)


def columns(table: SessionTable) -> list[str]:
    """Further columns of each row for evidence: its id and owner."""
    if not table.source.has_evidence:
        return []
    found = [] if table.source.owners_name is None else [f"{table.owner} AS lost_owner"]
    return found if table.source.list is None else [*found, f"{table.id_text} AS lost_id"]


def names(table: SessionTable) -> list[str]:
    """The names of the columns that is_lost() reads besides the times of a row."""
    if not table.source.has_evidence:
        return []
    own = [] if table.threshold is None else ["threshold"]
    return [*(each.rpartition(" AS ")[2] for each in columns(table)), *own]


def is_lost(table: SessionTable, cause: str) -> str:
    """Whether a row became orphaned within the slice, as SQL.

    `cause` is SQL too: the number of its cause, from 1 as in CAUSES; only with evidence.
    """
    if not table.source.has_evidence:
        return _crossed_in_slice(table)
    whens = {"age": _lost_by_age(table)}
    if table.source.owners_name is not None:
        whens["ownerless"] = _lost_by_evidence(table, "lost_owner", LIVED_OWNERS)
    if table.source.list is not None:
        whens["ghost"] = _lost_by_evidence(table, "lost_id", LIVED)
        whens["stale_in_list"] = _stale_in_slice(table)
    cases = " ".join(
        f"WHEN {number} THEN {whens[each]}"
        for number, each in enumerate(CAUSES, 1)
        if each in whens
    )
    return f"CASE {cause} {cases} END"


def _crossed(table: SessionTable, bound: str) -> str:
    """Whether its age made a row orphaned before a time: `bound` is SQL of a time less `after`."""
    if table.threshold is not None:
        return f"orphaned_at < {bound}"
    seen = "dated_start" if table.last_seen_at is None else "last_seen"
    return f"{seen} < {bound}"


def _end(table: SessionTable) -> str:
    return STATEMENT_TIME.ago(table.source.future_tolerance + (table.source.fixed_threshold or 0))


def _begin(table: SessionTable) -> str:
    after = table.source.fixed_threshold
    return BEGIN if after is None else f"({BEGIN} - {interval(after)})"


def _crossed_in_slice(table: SessionTable) -> str:
    # The first is false for a live session, and the second for a session without any time.
    end, begin = _crossed(table, _end(table)), _crossed(table, _begin(table))
    return f"{end} AND NOT {begin}"


def _lost_by_age(table: SessionTable) -> str:
    """By its age in this slice, or by an earlier age while a list protected it until now."""
    crossed = _crossed_in_slice(table)
    if table.source.list is not None:
        before = _crossed(table, _begin(table))
        crossed = f"({crossed} OR {before} AND {causes.is_in(LEFT, 'lost_id')} IS TRUE)"
    return " AND ".join([crossed, *_not_counted(table)])


def _lost_by_evidence(table: SessionTable, key: str, lived: str) -> str:
    """By new evidence, unless its age had already made it orphaned.

    A session without a sign of life since the first collection may have been dead then.
    """
    seen = "dated_start" if table.last_seen_at is None else "last_seen"
    has_lived = f"({causes.is_in(lived, key)} IS TRUE OR {seen} >= {SINCE})"
    by_age = [_crossed(table, _begin(table))]
    if table.source.list is not None:
        by_age += [f"{causes.is_in(LEFT, 'lost_id')} IS NOT TRUE"]
        by_age += [f"{causes.is_listed('lost_id')} IS NOT TRUE"]
    was_orphaned = f"({' AND '.join(by_age)}) IS NOT TRUE"
    return " AND ".join([has_lived, was_orphaned, *_not_counted(table)])


def _not_counted(table: SessionTable) -> list[str]:
    found = []
    if table.source.owners_name is not None:
        found.append(f"{causes.is_in(COUNTED_OWNERS, 'lost_owner')} IS NOT TRUE")
    if table.source.list is not None:
        found.append(f"{causes.is_in(COUNTED_GHOSTS, 'lost_id')} IS NOT TRUE")
    return found


def _stale_in_slice(table: SessionTable) -> str:
    if table.threshold is not None:
        line = orphaned.orphaned_at_of_row(causes.seen_in_list("lost_id"), "threshold")
        crossed = f"{line} < {_end(table)} AND {line} >= {BEGIN}"
        return " AND ".join([crossed, *_not_counted(table)])
    end = causes.is_listed_before("lost_id", _end(table))
    begin = causes.is_listed_before("lost_id", _begin(table))
    return " AND ".join([end, f"{begin} IS NOT TRUE", *_not_counted(table)])
