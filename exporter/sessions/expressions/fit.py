"""Checks the types of the expressions of a source; a mismatch is reported as a sentence."""

from collections.abc import Iterator

from exporter.config import Source, TimeColumn
from exporter.errors import BadData, SchemaMismatch
from exporter.postgres import Reader
from exporter.queries import fill
from exporter.sessions.expressions.result_types import NUMBERS, ROWS
from exporter.sessions.relation import Relation
from exporter.text import some_of

#: The config keys of the points in time of a session.
TIMES = ("started_at", "last_seen_at", "ended_at")

#: The SQLSTATE of a comparison for which the type has no operator.
_UNDEFINED_FUNCTION = "42883"


def check_types(source: Source, types: dict[str, str]) -> None:
    """Raise SchemaMismatch, with every key whose type does not fit."""
    problems = []
    for key, type_ in types.items():
        if key in {"where", "active"} or key.startswith("integrity."):
            if type_ != "boolean":
                problems.append(
                    f"{key}: expected a condition (boolean), got {type_}; "
                    f"write a comparison, for example {_comparison(type_)}"
                )
        elif key in TIMES:
            problems += _time_problems(key, type_, getattr(source, key), source.timestamps_in)
        elif key == "orphaned_after" and type_ != "interval":
            problems.append(_threshold_problem(type_))
        elif key == "duration" and type_ not in NUMBERS:
            problems.append(
                f"duration: expected seconds as a number, got {type_}; for an interval write "
                "extract(epoch FROM s.column)"
            )
    if problems:
        raise SchemaMismatch(some_of(problems, between="; "))


def _time_problems(key: str, type_: str, column: TimeColumn, zone: str | None) -> Iterator[str]:
    if column.epoch:
        if type_ not in NUMBERS:
            yield f"{key}: expected a number because of epoch: {column.epoch}, got {type_}"
    elif type_ == "timestamp without time zone":
        if zone is None:
            yield (
                f"{key}: its timestamps carry no time zone; set timestamps_in to the zone they "
                "are written in, for example timestamps_in: UTC"
            )
    elif type_ in NUMBERS:
        yield (
            f"{key}: expected a timestamp, got {type_}; for a number that counts since 1970 "
            f"write {key}: {{column: {column.sql}, epoch: s}}, or epoch: ms, us or ns"
        )
    elif type_ != "timestamp with time zone":
        yield f"{key}: expected a timestamp, got {type_}; {_time_advice(type_)}"


def _time_advice(type_: str) -> str:
    if type_.startswith("time "):  # PostgreSQL casts it to no timestamp
        return "it has no day; add one, for example s.day + s.at"
    if type_.endswith("range"):
        return "take one of its bounds, for example lower(s.during)"
    return "cast it, for example (s.at)::timestamptz"


def _comparison(type_: str) -> str:
    if type_ in NUMBERS:
        return "s.state = 1"
    if type_.startswith("bit"):
        return "s.state = B'1'"
    return "s.state = 'open'" if type_.startswith(("text", "character")) else "s.ended IS NULL"


def _threshold_problem(type_: str) -> str:
    if type_ in NUMBERS:
        advice = (
            "for a number of seconds write make_interval(secs => s.timeout), for milliseconds "
            "s.timeout * interval '1 ms'"
        )
    elif type_.startswith(("timestamp", "date")):
        advice = "for a time at which a session expires write its difference to last_seen_at"
    else:
        advice = "cast it, for example (s.timeout)::interval"
    return f"orphaned_after: expected an interval, got {type_}; {advice}"


async def require_groupable(reader: Reader, found: Relation, key: str, type_: str) -> None:
    """Raise SchemaMismatch if PostgreSQL cannot compare the keys of rows."""
    try:
        await reader.read(fill("collection/keys/group", key=key, table=found.sql))
        if type_ in ROWS:
            await reader.read(fill("collection/keys/compare", key=key, table=found.sql))
    except SchemaMismatch as error:
        raise _not_comparable(str(error).rstrip(".")) from None
    except BadData as error:
        # Other errors are about a value, and may be caused by these NULLs only.
        if error.state == _UNDEFINED_FUNCTION:
            raise _not_comparable("PostgreSQL cannot compare a value inside the row") from None


def _not_comparable(reason: str) -> SchemaMismatch:
    return SchemaMismatch(
        f"limit_per.key: {reason}; its values have to be comparable, for example as text: "
        "(s.data ->> 'user_id')"
    )
