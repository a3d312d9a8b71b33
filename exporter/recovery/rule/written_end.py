"""`{end}`: the chosen end in the type, unit and zone of the column that is written."""

from exporter.errors import SchemaMismatch
from exporter.queries import literal
from exporter.recovery.rule.rule import END
from exporter.sessions import NUMBERS, Moment, SessionTable
from exporter.sessions.relation import Column


def end_as(table: SessionTable, column: Column, type_: str, *, is_alone: bool) -> str:
    """The end for a column of a type; `is_alone` is whether it is the whole expression.

    Raises SchemaMismatch if the column cannot hold it.
    """
    end, zone = f"e.{END}", table.source.timestamps_in
    moment = table.stored_in(column.name)
    if type_ == "timestamp with time zone":
        return end
    if type_ == "timestamp without time zone":
        if zone is None:
            raise SchemaMismatch(
                f"the timestamps of {column.name} carry no time zone; set timestamps_in to the "
                "zone they are written in, for example timestamps_in: UTC"
            )
        return f"({end} AT TIME ZONE {literal(zone)})"
    if moment is not None and moment.unit is not None:
        return _number(table.started_at, moment, end)
    start, is_number = table.started_at, type_ in NUMBERS
    if is_alone:
        why = _no_unit(table, column) if is_number else _no_time(type_)
        raise SchemaMismatch(f"{column.name} is of type {column.type}, {why}")
    # Within an expression, such as a duration: a number if the start is subtracted as a number.
    return end if start.unit is None or not is_number else _number(start, start, end)


def _number(start: Moment, moment: Moment, end: str) -> str:
    """The end in the unit of a moment.

    A whole number is rounded down, as applications do, unless that could be before the start.
    """
    units = moment.units(end)
    if not moment.is_whole:
        return units
    is_exact = start.unit is not None and start.is_whole and start.unit <= (moment.unit or 0)
    return f"pg_catalog.{'floor' if is_exact else 'ceil'}{units}::bigint"


def _no_unit(table: SessionTable, column: Column) -> str:
    unit = table.source.started_at.epoch
    computed = "is a timestamp, for example floor(extract(epoch FROM {end}))"
    if unit is not None:
        other = "* 1000" if unit == "s" else "/ 1000"
        computed = f"counts {unit} as started_at does, for example {{end}} {other}"
    return (
        "and the unit in which it counts since 1970 is unknown; declare it in the source, for "
        f"example ended_at: {{column: {column.name}, epoch: s}} (or ms, us, ns), or write an "
        f"expression, in which {{end}} {computed}"
    )


def _no_time(type_: str) -> str:
    examples = {"date": "({end})::date", "text": "'ended ' || {end}"}
    example = examples.get(type_.removeprefix("character varying") or "text")
    return (
        "which cannot hold {end}; expected a timestamp, or a number that the source declares as "
        "a time; write an expression of its own type"
        + (f", for example {example}" if example else "")
    )
