"""Whether the times of a source can be those of its sessions: in the right unit and zone."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from math import ceil

from exporter.check.findings import Finding, FindingWriter
from exporter.config import Source, format_duration
from exporter.errors import BadData
from exporter.postgres import Reader
from exporter.sessions import TRANSACTION_TIME, Moment, SessionTable, interval
from exporter.sessions.moments import UNITS
from exporter.text import age, instant

#: The Unix time of the year 2000: no session that is active began before it.
YEAR_2000 = 946_684_800.0

#: From this share of the rows on, it is the declaration that is wrong, and not a value.
MANY = 0.2

#: So many naive timestamps in the future are of another zone.
FEWEST = 3

#: Zones differ from each other by multiples of this, in seconds, and by FARTHEST at most.
STEP, FARTHEST = 900.0, 26 * 3600.0

#: In an application that runs, the newest sign of life is younger than this, in seconds.
FRESH = 60.0


@dataclass(frozen=True, slots=True)
class Times:
    """What the active rows of a source have as one of its times; by the database's clock."""

    count: int
    """Rows that have one."""
    newest: float
    """Unix time."""
    in_future: int
    before_2000: int
    middle: float | None
    """The value in the middle as it is stored, where that is a number."""
    now: float
    """Unix time."""

    @property
    def age(self) -> float:
        """Seconds since the newest; negative in the future."""
        return self.now - self.newest


async def check_plausibility(
    reader: Reader, table: SessionTable, findings: FindingWriter
) -> AsyncIterator[Finding]:
    """A line about what is there, and one for each time that cannot be right.

    Raises SourceError.
    """
    source = table.source
    moments = {"started_at": table.started_at, "last_seen_at": table.last_seen_at}
    declared = {key: moment for key, moment in moments.items() if moment is not None}
    try:
        orphaned = table.orphaned(TRANSACTION_TIME)
        ((active, orphans),) = await reader.rows(
            table.statement("plausibility/sessions", orphaned=orphaned)
        )
        read = {key: await _read_times(reader, table, declared[key]) for key in declared}
    except BadData:
        return  # the evaluation of every expression reports it
    found = {key: times for key, times in read.items() if times is not None}
    yield findings.ok("sessions", f"{active} active, {orphans} orphaned{_newest(found)}")
    for key, times in found.items():
        name = f"times of {key}"
        if problem := _unit_problem(key, declared[key], times):
            yield findings.failed(name, problem)
        elif _is_ahead(declared[key], times):
            ahead = max(-each.age for each in found.values())
            yield findings.failed(name, _future_problem(declared[key], times, source, ahead))
        elif declared[key].is_naive and (remark := _zone_remark(times, source)):
            yield findings.warning(name, remark)


async def _read_times(reader: Reader, table: SessionTable, moment: Moment) -> Times | None:
    """None where no active row has such a time."""
    statement = table.statement(
        "plausibility/times",
        time=moment.sql,
        number="NULL" if moment.unit is None else moment.raw,
        ahead=interval(table.source.future_tolerance),
    )
    (row,) = await reader.rows(statement)
    return Times(*row) if row[0] else None


def _newest(found: dict[str, Times]) -> str:
    if not found:
        return ""
    times = max(found.values(), key=lambda each: each.newest)
    unusual = {"in the future": times.in_future, "before 2000": times.before_2000}
    also = "".join(f", {count} {where}" for where, count in unusual.items() if count)
    when = "ahead" if times.age < 0 else "ago"
    return f"; newest sign of life {age(abs(times.age))} {when}{also}"


def _unit_problem(key: str, moment: Moment, times: Times) -> str | None:
    """Another unit than the declared one, in which the value in the middle is a recent time."""
    if moment.unit is None or times.middle is None:
        return None

    def is_recent(unit: float) -> bool:
        return times.middle is not None and YEAR_2000 < times.middle / unit < times.now + FARTHEST

    if is_recent(moment.unit):
        return None
    (declared,) = (name for name, unit in UNITS.items() if unit == moment.unit)
    fitting = [name for name, unit in UNITS.items() if is_recent(unit)]
    wrong = f"epoch: {declared} cannot be right: " + (
        f"{times.before_2000} of {times.count} rows would be of a time before 2000"
        if times.before_2000 >= times.in_future
        else f"{times.in_future} of {times.count} rows would be of a time in the future"
    )
    if not fitting:
        return f"{wrong}, and no other unit gives a time since then"
    unit = fitting[0]
    return (
        f"{wrong}; with `epoch: {unit}` the one in the middle is of "
        f"{instant(times.middle / UNITS[unit])}: write {key}: {{…, epoch: {unit}}}"
    )


def _is_ahead(moment: Moment, times: Times) -> bool:
    """Whether more than single values lie in the future.

    In a wrong zone, only those do that are younger than the offset.
    """
    is_shifted = moment.is_naive and times.in_future >= FEWEST and -times.age <= FARTHEST
    return is_shifted or times.in_future >= MANY * times.count


def _future_problem(moment: Moment, times: Times, source: Source, ahead: float) -> str:
    """`ahead` is how far the newest time of any key is: the newest start may be older."""
    what = f"{times.in_future} of {times.count} rows are of a time in the future"
    newest = f"the newest by {age(-times.age)}"
    offset = ceil(ahead / STEP) * STEP
    if offset > FARTHEST or moment.unit is not None:
        return f"{what}, {newest}"
    shown = format_duration(offset)
    if moment.is_naive:
        zone = source.timestamps_in
        return (
            f"{what}, {newest}: as if they were written in a zone that is {shown} ahead of {zone}; "
            "set timestamps_in to the zone in which they are written"
        )
    return (
        f"{what}, {newest}: as if the writer gave its local time, {shown} ahead, for that of "
        "the database's zone; or its clock is wrong"
    )


def _zone_remark(times: Times, source: Source) -> str | None:
    """Where the newest is old by whole quarters of an hour: so it is in a wrong zone."""
    steps = int(times.age // STEP)
    if not 0 < steps * STEP <= FARTHEST or times.age - steps * STEP > FRESH:
        return None
    return (
        f"the newest is {age(times.age)} ago. If sessions are active now, it "
        f"was written in a zone that is {format_duration(steps * STEP)} behind "
        f"{source.timestamps_in}; set timestamps_in to that zone"
    )
