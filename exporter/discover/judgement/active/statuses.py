"""What a status says, by the words of its values and the rows that have them."""

from collections.abc import Iterator, Sequence

from exporter.discover.facts import ColumnFacts
from exporter.discover.judgement.active import states
from exporter.discover.judgement.active.conditions import ActiveCondition, Proof
from exporter.discover.judgement.active.predicates import allowed_values
from exporter.discover.judgement.candidate import SessionCandidate
from exporter.discover.judgement.tolerance import TOLERANCE
from exporter.discover.roles.roles import Role

#: More different values than this are no status.
MOST_VALUES = 20


def known_values(candidate: SessionCandidate, column: ColumnFacts) -> tuple[str, ...]:
    """The values that a status can have: of its enum, its CHECK, its rows or its statistics."""
    if column.labels:
        return tuple(column.labels)
    for check in candidate.table.checks:
        if allowed := allowed_values(check, column.name):
            return allowed
    seen = {each for each in candidate.sample.of(column) if each is not None}
    if column.statistics is not None:
        seen |= {value for value, _ in column.statistics.common}
    return tuple(sorted(seen)) if len(seen) <= MOST_VALUES else ()


def conditions_of_statuses(candidate: SessionCandidate) -> Iterator[ActiveCondition]:
    """What each status says whose values are known."""
    for column in candidate.roles[Role.STATUS]:
        values = known_values(candidate, column)
        if not values:
            continue
        condition = _of_values(candidate, column, values)
        if condition is not None:
            yield condition


def _of_values(
    candidate: SessionCandidate, column: ColumnFacts, values: Sequence[str]
) -> ActiveCondition | None:
    classes = {each: states.class_of(each) for each in values}
    active = [each for each in values if classes[each] == "active"]
    over = [each for each in values if classes[each] == "over"]
    between = [each for each in values if classes[each] == "between"]
    unknown = [
        each for each in values if classes[each] is None and _could_be_open(candidate, column, each)
    ]
    if not active:
        return None
    rows = candidate.sample.of(column)
    counts = {each: sum(value == each for value in rows) for each in values}
    seen = sum(counts[each] for each in active)
    because = f"{seen} of {len(rows)} rows have it" if rows else "by the names of its values"
    doubt = None
    if between or unknown:
        shown = ", ".join([*between, *unknown])
        doubt = f"is a session active as well while {column.name} is {shown}?"
    elif not over and (candidate.end is None):
        doubt = f"no value of {column.name} says that a session is over"
    elif candidate.end is not None and candidate.sample.of(candidate.end):
        wrong = sum(
            bool(candidate.has_ended(row))
            for row in candidate.rows()
            if rows and rows[row] in active
        )
        open_but_over = sum(
            not candidate.has_ended(row) for row in candidate.rows() if rows and rows[row] in over
        )
        because += f", {wrong} of them with an end"
        if seen and wrong > max(TOLERANCE * seen, 0):
            doubt = f"{wrong} of {seen} rows with {column.name} {', '.join(active)} have an end"
        elif over and open_but_over > 0.5 * max(sum(counts[each] for each in over), 1):
            because += f"; {open_but_over} that are over have no end"
    elif not rows:
        doubt = "no row was read"
    proof = Proof.ROWS if rows and seen + sum(counts[each] for each in over) else Proof.NAMES
    if proof is Proof.NAMES and doubt is None:
        doubt = "no row says what its values mean"
    return ActiveCondition(column, proof, because, values=tuple(active), doubt=doubt)


def _could_be_open(candidate: SessionCandidate, column: ColumnFacts, value: str) -> bool:
    """Whether a value that says nothing may be of active sessions: started, and without an end."""
    rows, starts = candidate.sample.of(column), candidate.sample.of(candidate.start)
    if candidate.end is None or not rows:
        return True
    found = [
        bool(candidate.has_ended(row)) or (bool(starts) and not starts[row])
        for row in candidate.rows()
        if rows[row] == value
    ]
    return not found or sum(found) < 0.9 * len(found)
