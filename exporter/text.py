"""Plain text for a terminal: ages, instants, and values that cannot harm the terminal."""

import datetime as dt
import json
import math
import re
import unicodedata
from collections.abc import Iterable

UNKNOWN = "-"

_FOUR_CENTURIES = 146_097 * 86_400.0

#: Of a value in a message, in characters.
LONGEST_QUOTED = 60

#: Names and values that a message lists: of 1,000 columns or partitions, the others are counted.
MOST_NAMED = 20

#: What is not broken where a text is wrapped: a word, and a command in backticks.
_WORD = re.compile(r"(?:`[^`]*`|\S)+")


def printable(text: str) -> str:
    r"""Show control and format characters as \x1b: a column may hold a terminal escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def printable_lines(text: str) -> str:
    """The same, keeping line breaks."""
    return "\n".join(map(printable, text.split("\n")))


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: wide characters take two, marks none."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    marks = sum(unicodedata.category(c) in {"Mn", "Me"} for c in text)
    return len(text) + wide - marks


def number_of(count: int, one: str, many: str) -> str:
    """A number and what it counts: "1 was closed", "2 were closed"."""
    return f"{count} {one if count == 1 else many}"


def age(seconds: float | None) -> str:
    """An age to read at a glance: its two biggest units."""
    if seconds is None:
        return UNKNOWN
    if not math.isfinite(seconds):
        return "for ever" if seconds > 0 else "in the future"
    if round(seconds) < 0:  # less is the difference of two clocks
        return "in the future"
    days, rest = divmod(round(seconds), 86400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    units = [(days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s")]
    first = next((n for n, (count, _) in enumerate(units) if count), 3)
    return " ".join(f"{count:.0f}{unit}" for count, unit in units[first : first + 2])


def instant(timestamp: float) -> str:
    """A Unix timestamp in UTC to the second, as PostgreSQL writes it where Python has no such year.

    The calendar repeats after 400 years.
    """
    if not math.isfinite(timestamp):
        return str(timestamp).replace("inf", "infinity")
    cycles, rest = divmod(timestamp, _FOUR_CENTURIES)
    moment = dt.datetime.fromtimestamp(rest, dt.UTC)
    year = moment.year + 400 * int(cycles)
    era, year = ("", year) if year > 0 else (" BC", 1 - year)
    return f"{year:04}-{moment:%m-%d %H:%M:%S}Z{era}"


def iso(timestamp: float | None) -> str | None:
    """A Unix timestamp for programs, in UTC and milliseconds; None where unknown or infinite.

    Years before 0 and after 9999 have a sign and six digits, as in ECMAScript.
    """
    if timestamp is None or not math.isfinite(timestamp):
        return None
    cycles, rest = divmod(timestamp, _FOUR_CENTURIES)
    moment = dt.datetime.fromtimestamp(rest, dt.UTC)
    year = moment.year + 400 * int(cycles)
    shown = f"{year:04}" if 0 <= year <= 9999 else f"{'-' if year < 0 else '+'}{abs(year):06}"
    return f"{shown}-{moment:%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def shorten(text: str) -> str:
    """As much of a text as a message should have."""
    return text if len(text) <= LONGEST_QUOTED else f"{text[: LONGEST_QUOTED - 1]}…"


def some_of(names: Iterable[str], *, most: int = MOST_NAMED, between: str = ", ") -> str:
    """Names, values or sentences in a message: so many of them, and how many more there are.

    What a table, a server or a config may have many of is listed by this function alone.
    """
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more


def wrapped(text: str, width: int | None) -> list[str]:
    """The lines of a text that is broken between words; one line where there is no width.

    A longer word, and what stands in backticks, is on a line of its own and not broken.
    """
    if width is None:
        return [text]
    lines = [""]
    for word in _WORD.findall(text):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and columns_of(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def as_json(value: object) -> str:
    """Indented JSON, without NaN and infinity."""
    return json.dumps(value, indent=2, allow_nan=False)


def finite(number: float | None) -> float | None:
    """The number, or None where JSON has no form for it."""
    return number if number is not None and math.isfinite(number) else None
