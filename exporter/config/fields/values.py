"""Durations, numbers, names, choices and time zones as a config file writes them."""

import re
import zoneinfo
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import ValidationInfo

from exporter.config.fields.parser import VARIABLE, ExpectedError, Parser, nearest
from exporter.config.file.place import Text

NAME = r"[A-Za-z_][A-Za-z0-9_.-]{0,62}"  # of databases and sources

_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}  # milliseconds
_DURATION = "".join(f"(?:([0-9]{{1,12}}){unit})?" for unit in _UNITS)
_LONGEST = 3650 * 86400.0  # seconds; ten years fit into every timestamp and interval


def format_duration(seconds: float) -> str:
    """Return seconds the way the config file writes a duration: 2h, 9m59s, 250ms."""
    rest = round(abs(seconds) * 1000)
    sign = "-" if seconds < 0 and rest else ""
    text = ""
    for unit, length in _UNITS.items():
        count, rest = divmod(rest, length)
        text += f"{count}{unit}" if count else ""
    return f"{sign}{text or '0s'}"


def parse_duration(value: object) -> float:
    """Return the seconds of a duration with its unit; raises ExpectedError."""
    text = value.strip() if isinstance(value, str) else ""
    match = re.fullmatch(f"-?{_DURATION}", text)
    if match is None or not any(match.groups()):
        number = isinstance(value, int | float) or re.fullmatch(r"[0-9.]+", text)
        advice = "write the unit: ms, s, m, h or d" if number else ""
        raise ExpectedError("a duration such as 30s, 10m, 2h or 7d", advice)
    counts = (int(count or 0) for count in match.groups())
    seconds = sum(map(int.__mul__, counts, _UNITS.values())) / 1000
    if text.startswith("-") or seconds == 0:
        raise ExpectedError("a duration longer than 0")
    if seconds > _LONGEST:
        raise ExpectedError(f"at most {format_duration(_LONGEST)}")
    return seconds


@dataclass(frozen=True)
class Duration(Parser):
    """A duration with its unit in the file, seconds in Python."""

    at_least: float = 0.0
    why: str = ""
    """Why not less."""

    def parse(self, value: object, info: ValidationInfo, /) -> float:
        """Return the seconds."""
        if info.context is None and isinstance(value, int | float):
            return float(value)
        seconds = parse_duration(value)
        if seconds < self.at_least:
            raise ExpectedError(f"at least {format_duration(self.at_least)}", self.why)
        return seconds

    def json_schema(self) -> dict[str, Any]:
        """Return a pattern; bounds are left to the exporter."""
        return {"type": "string", "pattern": f"^(?=[0-9]){_DURATION}$|{VARIABLE}"}


Seconds = Annotated[float, Duration()]


@dataclass(frozen=True)
class Whole(Parser):
    """A whole number; in a file also one that an environment variable holds."""

    at_least: int
    at_most: int = 1_000_000_000

    def parse(self, value: object, _info: ValidationInfo, /) -> int:
        """Return the number."""
        if isinstance(value, Text) and value.variables and re.fullmatch(r"-?[0-9]{1,18}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ExpectedError("a whole number")
        if not self.at_least <= value <= self.at_most:
            bound = "at least" if value < self.at_least else "at most"
            limit = max(self.at_least, min(value, self.at_most))
            raise ExpectedError(f"a whole number, {bound} {limit}")
        return value

    def json_schema(self) -> dict[str, Any]:
        """Return the bounds, or a variable."""
        number = {"type": "integer", "minimum": self.at_least, "maximum": self.at_most}
        return {"anyOf": [number, {"type": "string", "pattern": VARIABLE}]}


@dataclass(frozen=True)
class Choice(Parser):
    """One of a few words."""

    words: tuple[str, ...]

    def parse(self, value: object, _info: ValidationInfo, /) -> str:
        """Return the word."""
        if isinstance(value, str) and value in self.words:
            return str(value)
        # YAML reads a bare off or no as false.
        disabled = value is False and "disabled" in self.words
        advice = "write disabled" if disabled else nearest(value, self.words)
        raise ExpectedError(f"{', '.join(self.words[:-1])} or {self.words[-1]}", advice)

    def json_schema(self) -> dict[str, Any]:
        """Return the words, or a variable."""
        return {"anyOf": [{"enum": list(self.words)}, {"type": "string", "pattern": VARIABLE}]}


@dataclass(frozen=True)
class Name(Parser):
    """A name of a certain form, unless the exporter uses it itself."""

    what: str
    pattern: str
    reserved: str = ""  # a pattern too: word|word

    def parse(self, value: object, _info: ValidationInfo, /) -> str:
        """Return the name."""
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
            raise ExpectedError(self.what)
        if re.fullmatch(self.reserved, value):
            taken = self.reserved.replace(".*", "*").split("|")
            raise ExpectedError(f"a name other than {', '.join(taken)}")
        return str(value)

    def json_schema(self) -> dict[str, Any]:
        """Return the pattern, or a variable."""
        schema = {"type": "string", "pattern": f"^({self.pattern})$|{VARIABLE}"}
        return schema | ({"not": {"pattern": f"^({self.reserved})$"}} if self.reserved else {})


class Zone(Parser):
    """The name of a time zone."""

    def parse(self, value: object, _info: ValidationInfo, /) -> str:
        """Return the name; where Python has no time zones at all, PostgreSQL will judge."""
        if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_+/-]{1,63}", value):
            raise ExpectedError("a time zone such as Europe/Berlin")
        if value != "UTC" and _zones() and value not in _zones():
            raise ExpectedError("a time zone such as Europe/Berlin", nearest(value, _zones()))
        return str(value)


@cache
def _zones() -> frozenset[str]:
    """Read once: it looks at some 600 files."""
    return frozenset(zoneinfo.available_timezones())
