"""Which condition makes a session active: by a partial index, a flag, a status or the end."""

import math
from collections.abc import Iterator, Sequence

from exporter.discover.facts import Column
from exporter.discover.judgement import states
from exporter.discover.judgement.candidate import Candidate
from exporter.discover.judgement.conditions import ActiveCondition, Proof
from exporter.discover.judgement.predicates import Predicate, allowed_values, parse
from exporter.discover.roles.roles import Role, marks_end

#: This share of rows may contradict a condition: they are what is wrong with the data.
TOLERANCE = 0.1

#: More different values than this are no status.
MOST_VALUES = 20


def find_condition(candidate: Candidate) -> ActiveCondition | None:
    """The best proven condition; None: nothing says what is active."""
    found = [
        *_of_indexes(candidate),
        *_of_flags(candidate),
        *_of_status(candidate),
        *_of_end(candidate),
    ]
    # An index is the author's own word; then what has no doubt; in the order above.
    return min(found, key=lambda each: (each.doubt is not None, -each.proof), default=None)


def _of_indexes(candidate: Candidate) -> Iterator[ActiveCondition]:
    for index in candidate.table.indexes:
        for part in parse(index.predicate or ""):
            condition = _of_predicate(candidate, part, index.predicate or "")
            if condition is not None:
                yield condition


def _of_predicate(candidate: Candidate, part: Predicate, text: str) -> ActiveCondition | None:
    column = candidate.table.columns.get(part.column)
    if column is None:
        return None
    because = f"a partial index has it: WHERE {text}"
    roles = candidate.roles
    if part.is_null and column == candidate.end:
        return ActiveCondition(column, Proof.INDEX, because)
    if part.flag is not None and column in roles[Role.FLAG]:
        if part.flag is marks_end(candidate.table, column) or _is_archive(candidate, column):
            return None
        return ActiveCondition(column, Proof.INDEX, because, flag=part.flag)
    if part.values is None:
        return None
    if column in roles[Role.STATUS]:
        classes = {states.class_of(each) for each in part.values}
        if classes <= {"active", "between"} or (
            classes == {None} and _is_open(candidate, column, part.values)
        ):
            return ActiveCondition(column, Proof.INDEX, because, values=tuple(part.values))
    if column == candidate.end and part.values in {("0",), ("-1",)}:
        return ActiveCondition(column, Proof.INDEX, because, none=float(part.values[0]))
    return None


def _of_flags(candidate: Candidate) -> Iterator[ActiveCondition]:
    for column in candidate.roles[Role.FLAG]:
        values = candidate.sample.of(column)
        ends = marks_end(candidate.table, column)
        name = column.name
        if not values:
            yield ActiveCondition(
                column,
                Proof.NAMES,
                f"by the name of {name}",
                flag=not ends,
                doubt=f"no row says whether {name} is what makes a session active",
            )
            continue
        active = [row for row in candidate.rows() if values[row] is (not ends)]
        over = [row for row in candidate.rows() if values[row] is ends]
        if _is_archive(candidate, column):
            continue
        if candidate.end is None or not candidate.sample.of(candidate.end):
            doubt = (
                None
                if active and over and candidate.has_own_start
                else (
                    f"{len(active)} of {len(values)} rows have {name} = {str(not ends).lower()}, "
                    "and no end says whether it makes a session active"
                )
            )
            yield ActiveCondition(
                column,
                Proof.ROWS,
                f"{len(active)} of {len(values)} rows are so",
                flag=not ends,
                doubt=doubt,
            )
            continue
        without_end = sum(not candidate.has_ended(row) for row in active)
        with_end = sum(bool(candidate.has_ended(row)) for row in over)
        agree = without_end + with_end
        because = (
            f"{without_end} of {len(active)} such rows have no {candidate.end.name}, and "
            f"{with_end} of {len(over)} others have one"
        )
        doubt = None
        if not over or not active:
            doubt = "all rows of the sample have one value" if candidate.table.rows else None
        elif agree < (1 - TOLERANCE) * len(values):
            doubt = f"the rows contradict each other: {because}"
        yield ActiveCondition(column, Proof.ROWS, because, flag=not ends, doubt=doubt)


def _is_archive(candidate: Candidate, column: Column) -> bool:
    """Whether a flag is true of most rows that have an end: it archives, and ends nothing."""
    values = candidate.sample.of(column)
    if candidate.end is None or not values or marks_end(candidate.table, column):
        return False
    ended = [row for row in candidate.rows() if candidate.has_ended(row)]
    return len(ended) >= 3 and sum(values[row] is True for row in ended) > 0.5 * len(ended)


def known_values(candidate: Candidate, column: Column) -> tuple[str, ...]:
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


def _of_status(candidate: Candidate) -> Iterator[ActiveCondition]:
    for column in candidate.roles[Role.STATUS]:
        values = known_values(candidate, column)
        if not values:
            continue
        condition = _of_values(candidate, column, values)
        if condition is not None:
            yield condition


def _of_values(
    candidate: Candidate, column: Column, values: Sequence[str]
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


def _is_open(candidate: Candidate, column: Column, values: Sequence[str]) -> bool:
    """Whether rows with these values have no end, and others have one."""
    rows = candidate.sample.of(column)
    if candidate.end is None or not rows:
        return False
    inside = [bool(candidate.has_ended(row)) for row in candidate.rows() if rows[row] in values]
    outside = [
        bool(candidate.has_ended(row)) for row in candidate.rows() if rows[row] not in values
    ]
    return bool(inside) and bool(outside) and not any(inside) and sum(outside) > 0.9 * len(outside)


def _could_be_open(candidate: Candidate, column: Column, value: str) -> bool:
    """Whether a value that says nothing may stand for an active session: rows with it have no end."""
    rows = candidate.sample.of(column)
    if candidate.end is None or not rows:
        return True
    found = [bool(candidate.has_ended(row)) for row in candidate.rows() if rows[row] == value]
    return not found or sum(found) < 0.9 * len(found)


def _of_end(candidate: Candidate) -> Iterator[ActiveCondition]:
    end = candidate.end
    if end is None:
        return
    none = candidate.end_none if end.not_null or candidate.end_none is not None else None
    rows = candidate.sample.of(end)
    if not rows:
        yield ActiveCondition(
            end,
            Proof.NAMES,
            f"by the name of {end.name}",
            none=none,
            doubt=f"no row says whether a session without {end.name} is active",
        )
        return
    ended = sum(bool(candidate.has_ended(row)) for row in candidate.rows())
    is_null = sum(each is None for each in rows)
    if none is not None and is_null:
        none_doubt = f"{is_null} rows have NULL in {end.name}, others the value {none:.0f}"
    else:
        none_doubt = None
    because = f"{len(rows) - ended} of {len(rows)} rows have none"
    doubt = none_doubt
    if any(each is not None and math.isinf(each) for each in rows):
        doubt = f"infinity stands for no {end.name}: write the condition that says so"
    elif ended == 0:
        doubt = f"no row of the sample has {end.name}: is it ever written?"
    elif ended == len(rows):
        doubt = f"every row of the sample has {end.name}: is it set when the row is inserted?"
    elif candidate.start is not None and not candidate.start.not_null:
        starts = candidate.sample.of(candidate.start)
        unstarted = sum(
            starts[row] is None for row in candidate.rows() if not candidate.has_ended(row)
        )
        if unstarted:
            doubt = (
                f"{unstarted} rows without {end.name} have no {candidate.start.name} either: "
                "are they active?"
            )
    yield ActiveCondition(end, Proof.ROWS, because, none=none, doubt=doubt)
