"""Tables that look like session tables and hold none: the reason for each, by names and by rows."""

import math
from dataclasses import dataclass

from exporter.discover.facts import ColumnFacts, TableFacts
from exporter.discover.judgement import kinds
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.roles.roles import Role
from exporter.discover.roles.words import phrases, singular, words_of

WEEK = 7 * 86400.0

#: From this share of the rows on, ends or starts in the future are planned ones.
PLANNED_SHARE = 0.2

#: Closed rows of which a median is believed.
FEW = 5

#: Columns of work that people do.
_OF_WORK = phrases(
    """
    assignee, due, deadline, reporter, severity, resolution, milestone, estimate, story
    """
)
#: Columns of planned times.
_OF_PLANS = phrases(
    """
    capacity, venue, recurrence, rrule, attendees, seats, recurring, speaker, agenda,
    timezone_id
    """
)
#: Columns of business.
_OF_BUSINESS = phrases(
    """
    sku, invoice, currency, subtotal, tax, discount, coupon, renewal, plan, quantity
    """
)


@dataclass(frozen=True, slots=True)
class LookAlike:
    """Why a table is held for something else."""

    reason: str
    is_weak: bool = False
    """Whether an index or rows that look like sessions weigh more; then it is a question."""


def find_look_alike(surveyed: SurveyedTable) -> LookAlike | None:
    """The first reason that is sure, else a weak one; None: nothing speaks against sessions."""
    found = [
        by_names(surveyed.table, surveyed.roles),
        by_rows(surveyed),
        by_life_cycle(surveyed),
    ]
    reasons = [each for each in found if each is not None]
    return min(reasons, key=lambda each: each.is_weak, default=None)


def by_names(table: TableFacts, roles: dict[Role, list[ColumnFacts]]) -> LookAlike | None:
    """By the names of the table and of its columns."""
    head = singular(words_of(table.name)[-1]) if words_of(table.name) else ""
    kind = kinds.KINDS.get(head)
    if kind is not None:
        return LookAlike(f"the name says {head}: {kind}", is_weak=head in kinds.WEAK)
    words = {word for name in table.columns for word in words_of(name)}
    for found, reason, least in (
        (_OF_WORK & words, kinds.WORK, 2),
        (_OF_PLANS & words, kinds.PLANS, 1),
        (_OF_BUSINESS & words, kinds.BUSINESS, 2),
    ):
        if len(found) >= least:
            return LookAlike(
                f"it has columns of {', '.join(sorted(found))}: {reason}", is_weak=True
            )
    if roles[Role.PLANNED] and not roles[Role.START]:
        return LookAlike("its times are planned ones", is_weak=True)
    return None


def by_life_cycle(surveyed: SurveyedTable) -> LookAlike | None:
    """By what can end its rows."""
    roles, end = surveyed.roles, surveyed.end
    if end is None and not roles[Role.STATUS] and not surveyed.seen:
        if roles[Role.EXPIRY]:
            return LookAlike("its rows expire by themselves: no end is ever missing")
        if surveyed.unusable_times:
            return LookAlike(no_times(surveyed))
        if not surveyed.has_own_start:
            return LookAlike("it has no start of its own and no end: its flag is a switch")
    if end is None and roles[Role.EXPIRY] and not roles[Role.STATUS]:
        return LookAlike("its rows expire by themselves: no end is ever missing")
    may_be_none = surveyed.end_none is not None or _has_odd_ends(surveyed)
    if end is not None and end.not_null and not may_be_none and not roles[Role.STATUS]:
        return LookAlike(f"{end.name} is NOT NULL: the end is set when the row is inserted")
    return None


def no_times(surveyed: SurveyedTable) -> str:
    """Why columns that are named as times cannot be used."""
    names = ", ".join(each.name for each in surveyed.unusable_times)
    return f"the values of {names} are no times in any known unit"


def _has_odd_ends(surveyed: SurveyedTable) -> bool:
    """Whether ends are infinite or at the start, which may stand for none."""
    ends, starts = surveyed.sample.of(surveyed.end), surveyed.sample.of(surveyed.start)
    return any(
        end is not None and (math.isinf(end) or (bool(starts) and end == starts[row]))
        for row, end in enumerate(ends)
    )


def by_rows(surveyed: SurveyedTable) -> LookAlike | None:
    """By the times in the sample: planned, or far too long for sessions."""
    now, count = surveyed.sample.now, surveyed.sample.count
    if count < FEW or surveyed.start is None:
        return None
    starts = [surveyed.time(surveyed.start, row) for row in surveyed.rows()]
    ahead = sum(each is not None and each > now + 27 * 3600 for each in starts)
    if ahead > PLANNED_SHARE * count:
        return LookAlike(f"{ahead} of {count} starts are in the future: they are planned")
    if surveyed.end is None:
        return None
    ends = [surveyed.time(surveyed.end, row) for row in surveyed.rows()]
    later = sum(each is not None and each > now + 27 * 3600 for each in ends)
    ended = sum(each is not None for each in ends)
    if later > PLANNED_SHARE * max(ended, 1) and later >= 3:
        return LookAlike(f"{later} of {ended} ends are in the future: they are planned")
    lengths = sorted(
        end - start
        for start, end in zip(starts, ends, strict=True)
        if start is not None and end is not None and end > start and end <= now
    )
    if len(lengths) >= FEW and lengths[len(lengths) // 2] > WEEK:
        days = lengths[len(lengths) // 2] / 86400
        return LookAlike(
            f"half of its rows last longer than {days:.0f} days: too long for sessions"
        )
    return None
