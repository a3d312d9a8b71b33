"""In which zone timestamps without one were written: confirmed by what is fresh, never guessed."""

from dataclasses import dataclass

from exporter.discover.facts import ColumnFacts
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.judgement.times import whole_hours_ahead
from exporter.discover.roles.roles import Role
from exporter.text import age, number_of

#: No zone is behind UTC by less than an hour: a time that is younger than this, in seconds, is UTC.
FRESH = 50 * 60.0

#: Clocks differ by less than this, in seconds.
TOLERANCE = 60.0

_UTC_DEFAULTS = ("timezone('utc'", "at time zone 'utc'")


@dataclass(frozen=True, slots=True)
class ZoneFinding:
    """What is written for timestamps_in, why, and whether that is a question."""

    because: str
    question: str | None = None


def find_zone(
    surveyed: SurveyedTable, *, frameworks: str | None, server_zone: str
) -> ZoneFinding | None:
    """None: no time that is used lacks a zone.

    `frameworks` names what is known to write UTC.
    """
    used = (surveyed.start, surveyed.end, surveyed.seen)
    naive = [each for each in used if each is not None and each.is_naive]
    if not naive:
        return None
    times = [*naive, *(each for each in surveyed.roles[Role.UPDATED] if each.is_naive)]
    times += [each for each in surveyed.roles[Role.CREATION] if each.is_naive]
    newest = surveyed.newest(*times)
    names = ", ".join(each.name for each in naive)
    if newest is not None:
        ahead = newest - surveyed.sample.now
        if ahead > TOLERANCE:
            hours = whole_hours_ahead(newest, surveyed.sample.now)
            shown = number_of(hours, "whole hour", "whole hours") if hours else age(ahead)
            return ZoneFinding(
                "",
                f"{names} have no time zone, and the newest is {shown} ahead of UTC: in which "
                "zone are they written?",
            )
        if -ahead < FRESH:
            return ZoneFinding(f"the newest time without a zone is {age(-ahead)} ago in UTC")
    if frameworks is not None or _is_odoo(surveyed):
        return ZoneFinding(f"{frameworks or 'Odoo'} writes UTC")
    if any(_is_utc(each) for each in naive):
        return ZoneFinding("the default of the column is the time in UTC")
    seen = (
        "no row was read"
        if newest is None
        else (f"the newest is {age(surveyed.sample.now - newest)} ago in UTC")
    )
    zone = (
        "" if server_zone in {"UTC", "Etc/UTC", "GMT"} else f" The server's zone is {server_zone}."
    )
    return ZoneFinding(
        "", f"{names} have no time zone, and {seen}: in which zone are they written?{zone}"
    )


def _is_utc(column: ColumnFacts) -> bool:
    default = (column.default or "").lower()
    return any(each in default for each in _UTC_DEFAULTS)


def _is_odoo(surveyed: SurveyedTable) -> bool:
    """Whether a table has the columns that the ORM of Odoo adds to each; it writes UTC."""
    return {"create_date", "write_date"} <= surveyed.table.columns.keys()
