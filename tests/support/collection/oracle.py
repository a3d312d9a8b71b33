"""What the words of the design mean for session rows, in plain Python: the other side of the
property tests. It knows no SQL.

Times are whole microseconds since 1970 in UTC; None is unknown: NULL, and what stands for it.
"""

import datetime as dt
import itertools
import math
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

Time = float | None
Interval = tuple[int, int, int]  # months, days, microseconds
Labels = frozenset[tuple[str, str]]
Samples = dict[tuple[str, Labels], float]

SECOND = 1_000_000
DAY = 86400 * SECOND
LAST = 253_402_214_400 * SECOND  # 9999-12-31
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - local times have no zone by themselves
BOUNDS = (60, 300, 600, 1800, 3600, 7200, 14400, 28800, 86400, 259200, 604800, 2592000)


@dataclass(frozen=True)
class Row:
    """One row as the application means it."""

    id: int
    exists: bool | None
    active: bool | None
    start: Time
    seen: Time
    ended: Time
    duration: float | None
    labels: tuple[str | None, ...]
    broken: bool | None
    patience: Interval | None = None

    @property
    def is_active(self) -> bool:
        return self.active is True

    @property
    def last_seen(self) -> Time:
        return max((at for at in (self.start, self.seen) if at is not None), default=None)


@dataclass(frozen=True)
class Rules:
    """What a source declares. Lengths of time are seconds."""

    has_end: bool
    has_seen: bool
    has_duration: bool
    has_integrity: bool
    labels: Mapping[str, tuple[str, ...]]
    orphaned_after: int | None
    """None: each row has its own, which is counted in `zone`."""
    overlong_after: int | None
    future_tolerance: int
    zone: str = "UTC"


@dataclass(frozen=True)
class Day:
    """A calendar day, from its first instant to before the first of the next."""

    date: str
    start: int
    end: int


def instant(local: dt.datetime, zone: str) -> int:
    """A local time that the clock shows twice is the later one; one that it skips, as if it had
    not been put forward yet.
    """
    first, second = (local.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))
    before, after = first.utcoffset(), second.utcoffset()
    assert before is not None
    assert after is not None
    offset = min(before, after)
    return round((local - EPOCH - offset) / dt.timedelta(microseconds=1))


def local(at: int, zone: str) -> dt.datetime:
    """What a clock on the wall shows."""
    utc = (EPOCH + dt.timedelta(microseconds=at)).replace(tzinfo=dt.UTC)
    return utc.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def calendar(now: int, zone: str, count: int) -> list[Day]:
    """Today and the days before it, oldest first."""
    today = local(now, zone).date()

    def midnight(days_ago: int) -> int:
        date = today - dt.timedelta(days=days_ago)
        second = instant(dt.datetime.combine(date, dt.time()), zone)
        first = second - 3600 * SECOND  # where the clock is put back over midnight
        return first if local(first, zone).date() == date else second

    return [
        Day((today - dt.timedelta(days=ago)).isoformat(), midnight(ago), midnight(ago - 1))
        for ago in reversed(range(count))
    ]


def orphaned_at(row: Row, rules: Rules) -> Time:
    """After this a row is orphaned; None is never: unseen, or without a usable threshold."""
    if row.last_seen is None or rules.orphaned_after is not None:
        fixed = rules.orphaned_after or 0
        return None if row.last_seen is None else row.last_seen + fixed * SECOND
    if row.patience is None:
        return None
    months, days, rest = row.patience
    length = (30 * months + days) * DAY + rest
    is_held = abs(months) // 12 <= 1000 and abs(days) <= 366_000
    if not is_held or not 0 < length < 1000 * 360 * DAY:
        return None
    if row.last_seen > LAST:
        return math.inf
    at = int(row.last_seen)
    if months:
        at = instant(_months_later(local(at, rules.zone), months), rules.zone)
    if days:
        at = instant(local(at, rules.zone) + dt.timedelta(days=days), rules.zone)
    return at + rest if at + rest > row.last_seen else None


def _months_later(at: dt.datetime, months: int) -> dt.datetime:
    """The same day of a later month, or its last one."""
    years, month = divmod(at.month - 1 + months, 12)
    last = monthrange(at.year + years, month + 1)[1]
    return at.replace(year=at.year + years, month=month + 1, day=min(at.day, last))


def orphans(rows: Iterable[Row], now: int, rules: Rules) -> list[Row]:
    """Active, and last seen strictly longer ago; the longest orphaned first."""
    found = [
        row
        for row in rows
        if row.exists and row.is_active and (orphaned_at(row, rules) or math.inf) < now
    ]
    return sorted(found, key=lambda row: orphaned_at(row, rules) or 0)


def expected(rows: list[Row], rules: Rules, now: int, days: list[Day]) -> Samples:
    """Every sample that the collectors active and daily owe for these rows."""
    there = [row for row in rows if row.exists]
    return dict(_active(there, rules, now)) | dict(_daily(there, rules, now, days))


def _active(rows: list[Row], rules: Rules, now: int) -> Iterator[tuple[tuple[str, Labels], float]]:
    active = [row for row in rows if row.is_active]
    silent = orphans(active, now, rules)
    yield from _split("sessions_active", active, rules, len)
    yield from _split("sessions_orphaned", silent, rules, len)
    if rules.overlong_after is not None:
        limit = rules.overlong_after * SECOND
        started = [row for row in active if row.start is not None and now - row.start > limit]
        overlong = [row for row in started if row not in silent]
        yield from _split("sessions_overlong", overlong, rules, len)

    starts = [row.start for row in active if row.start is not None]
    yield from _histogram("sessions_active_age_seconds", starts, now)
    if rules.has_seen:
        seen = [row.last_seen for row in active if row.last_seen is not None]
        yield from _histogram("sessions_active_silence_seconds", seen, now)
    if starts:
        yield _one("sessions_oldest_active_start_timestamp_seconds", min(starts) / SECOND)
    if silent:
        oldest = min(row.last_seen or 0 for row in silent)
        yield _one("sessions_oldest_orphan_last_seen_timestamp_seconds", oldest / SECOND)

    excess = math.fsum(now - (orphaned_at(row, rules) or 0) for row in silent)
    yield _one("sessions_orphaned_excess_seconds", excess / SECOND)

    latest = now + rules.future_tolerance * SECOND
    kinds = {
        "undated": [row for row in active if row.last_seen is None],
        "future": [row for row in active if row.last_seen is not None and row.last_seen > latest],
    }
    if rules.orphaned_after is None:
        seen_ones = [row for row in active if row.last_seen is not None]
        kinds["unbounded"] = [row for row in seen_ones if orphaned_at(row, rules) is None]
    if rules.has_end:
        ends = [row for row in active if row.ended is not None]
        real = [row for row in ends if row.start is None or row.start < (row.ended or 0)]
        kinds["ended_but_active"] = [row for row in real if (row.ended or 0) <= now]
        kinds["impossible_end"] = [
            row for row in ends if 86400 * SECOND <= (row.ended or 0) < (row.start or -math.inf)
        ]
    if rules.has_integrity:
        kinds["broken"] = [row for row in active if row.broken]
    for kind, contradictory in kinds.items():
        yield _one("sessions_inconsistent", len(contradictory), ("kind", kind))


def _daily(
    rows: list[Row], rules: Rules, now: int, days: list[Day]
) -> Iterator[tuple[tuple[str, Labels], float]]:
    """There is no audit: nothing was recovered."""
    silent = orphans(rows, now, rules)

    def durations(ended: list[Row]) -> list[float]:
        known = [_duration(row, rules) for row in ended]
        return [each for each in known if each is not None and 0 <= each < math.inf]

    def timed(ended: list[Row]) -> int:
        return len(durations(ended))

    def known_duration(ended: list[Row]) -> float:
        return math.fsum(durations(ended))

    latest = now + rules.future_tolerance * SECOND
    starts = [row.start for row in rows if row.start is not None]
    begun = [each for each in starts if days[0].start <= each <= latest and each < days[-1].end]
    if begun:
        yield _one("sessions_newest_start_timestamp_seconds", max(begun) / SECOND)

    closed_without_end = seen_after_end = 0
    for number, day in enumerate(reversed(days)):
        started = [
            row for row in rows if row.start is not None and day.start <= row.start < day.end
        ]
        ended = [row for row in started if not row.is_active]
        still = [row for row in started if row.is_active]
        lost = [row for row in started if row in silent]
        ago = ("days_ago", str(number))
        yield _one("sessions_daily_info", 1, ago, ("date", day.date))
        yield from _split("sessions_daily_started", started, rules, len, ago)
        yield from _split("sessions_daily_ended", ended, rules, len, ago)
        yield from _split("sessions_daily_recovered", [], rules, len, ago)
        yield from _split("sessions_daily_lost", lost, rules, len, ago)
        yield from _split("sessions_daily_still_active", still, rules, len, ago)
        if rules.has_end or rules.has_duration:
            name = "sessions_daily_known_duration_seconds"
            yield from _split(name, ended, rules, known_duration, ago)
            yield from _split("sessions_daily_timed", ended, rules, timed, ago)
        if day is days[-1]:
            yield from _split("sessions_today_started", started, rules, len)
        closed_without_end += sum(_is_without_end(row, rules) for row in ended)
        seen_after_end += sum(_is_seen_after_end(row, rules) for row in ended)
    if rules.has_end or rules.has_duration:
        yield _one("sessions_inconsistent", closed_without_end, ("kind", "closed_without_end"))
    if rules.has_end and rules.has_seen:
        yield _one("sessions_inconsistent", seen_after_end, ("kind", "seen_after_end"))


def _duration(row: Row, rules: Rules) -> float | None:
    """As declared, else from start to end; what has no beginning or end has no length."""
    if rules.has_duration:
        return row.duration
    if not rules.has_end or row.start is None or row.ended is None or row.ended < row.start:
        return None
    return (row.ended - row.start) / SECOND


def _is_without_end(row: Row, rules: Rules) -> bool:
    duration = _duration(row, rules)
    has_no_end = row.ended is None or (row.start is not None and row.ended < row.start)
    return (rules.has_end and has_no_end) or duration is None or duration < 0


def _is_seen_after_end(row: Row, rules: Rules) -> bool:
    if row.ended is None or row.seen is None or row.start is None or row.ended < row.start:
        return False
    return row.seen - row.ended > rules.future_tolerance * SECOND


def _histogram(
    name: str, times: list[float], now: int
) -> Iterator[tuple[tuple[str, Labels], float]]:
    """An age below nothing is in every bucket, and adds nothing to the sum; nor does eternity."""
    ages = [now - at for at in times]
    for bound in BOUNDS:
        fits = sum(age <= bound * SECOND for age in ages)
        yield _one(f"{name}_bucket", fits, ("le", f"{bound}.0"))
    yield _one(f"{name}_bucket", len(ages), ("le", "+Inf"))
    yield _one(f"{name}_gcount", len(ages))
    yield _one(f"{name}_gsum", sum(max(age, 0) for age in ages if not math.isinf(age)) / SECOND)


def _split(
    name: str,
    rows: list[Row],
    rules: Rules,
    value: Callable[[list[Row]], float | None],
    *labels: tuple[str, str],
) -> Iterator[tuple[tuple[str, Labels], float]]:
    """A total, and the same for every combination of label values; None is no sample."""
    if (known := value(rows)) is not None:
        yield _one(name, known, *labels)
    if not rules.labels:
        return
    declared = list(rules.labels.values())
    for combination in itertools.product(*((*each, "other") for each in declared)):
        fitting = [row for row in rows if _values(row, declared) == combination]
        if (known := value(fitting)) is not None:
            own = zip(rules.labels, combination, strict=True)
            yield _one(f"{name}_by_label", known, *labels, *own)


def _values(row: Row, declared: list[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(
        value if value in values else "other"
        for value, values in zip(row.labels, declared, strict=False)
    )


def _one(name: str, value: float, *labels: tuple[str, str]) -> tuple[tuple[str, Labels], float]:
    return (name, frozenset(labels)), value
