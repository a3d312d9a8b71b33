"""Durations, whole numbers and shares."""

import re
from functools import lru_cache
from typing import Annotated

from exporter.config.fields.parser import VARIABLE, ExpectedError, Parser
from exporter.config.file.document import Text

_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}  # milliseconds
_DURATION = "".join(f"(?:([0-9]{{1,12}}){unit})?" for unit in _UNITS)
_SIGNED_DURATION = re.compile(f"-?{_DURATION}")
_NUMBER = re.compile(r"[0-9.]+")
_A_DURATION = "a duration such as 30s, 10m, 2h or 7d"
_WRITE_THE_UNIT = "write the unit: ms, s, m, h or d"
_LONGEST = 3650 * 86400.0  # seconds; ten years fit into every timestamp and interval


def format_duration(seconds: float) -> str:
    """Return seconds as the config file writes a duration: 2h, 9m59s, 250ms."""
    rest = round(abs(seconds) * 1000)
    sign = "-" if seconds < 0 and rest else ""
    text = ""
    for unit, length in _UNITS.items():
        count, rest = divmod(rest, length)
        text += f"{count}{unit}" if count else ""
    return f"{sign}{text or '0s'}"


def parse_duration(value: object) -> float:
    """Return the seconds of a duration with its unit; raises ExpectedError."""
    if isinstance(value, str):
        return _seconds_of(value.strip())
    advice = _WRITE_THE_UNIT if isinstance(value, int | float) else ""
    raise ExpectedError(_A_DURATION, advice)


@lru_cache(maxsize=256)  # the sources of a file have the same few
def _seconds_of(text: str) -> float:
    match = _SIGNED_DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ExpectedError(_A_DURATION, _WRITE_THE_UNIT if _NUMBER.fullmatch(text) else "")
    counts = (int(count or 0) for count in match.groups())
    seconds = sum(map(int.__mul__, counts, _UNITS.values())) / 1000
    if text.startswith("-") or seconds == 0:
        raise ExpectedError("a duration longer than 0")
    if seconds > _LONGEST:
        raise ExpectedError(f"at most {format_duration(_LONGEST)}")
    return seconds


def duration(at_least: float = 0.0, why: str = "") -> Parser:
    """Accept a duration with its unit, seconds in Python; `why` a shorter one is refused."""

    def parse(value: object) -> float:
        seconds = parse_duration(value)
        if seconds < at_least:
            raise ExpectedError(f"at least {format_duration(at_least)}", why)
        return seconds

    return Parser(parse, {"type": "string", "pattern": f"^(?=[0-9]){_DURATION}$|{VARIABLE}"})


SECONDS = duration()
Seconds = Annotated[float, SECONDS]


def whole_number(at_least: int, at_most: int = 1_000_000_000) -> Parser:
    """Accept a whole number, which an environment variable may hold."""

    def parse(value: object) -> int:
        if isinstance(value, Text) and value.variables and re.fullmatch(r"-?[0-9]{1,18}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ExpectedError("a whole number")
        if not at_least <= value <= at_most:
            bound = "at least" if value < at_least else "at most"
            limit = max(at_least, min(value, at_most))
            raise ExpectedError(f"a whole number, {bound} {limit}")
        return value

    number = {"type": "integer", "minimum": at_least, "maximum": at_most}
    return Parser(parse, {"anyOf": [number, {"type": "string", "pattern": VARIABLE}]})


def _parse_share(value: object) -> float:
    text = value.strip() if isinstance(value, str) else ""
    digits = text.removesuffix("%").strip()
    if not text.endswith("%") or not re.fullmatch("[0-9]{1,3}", digits):
        raise ExpectedError("a share such as 20%")
    if not 1 <= int(digits) <= 100:
        raise ExpectedError("a share such as 20%")
    return int(digits) / 100


_SHARE = {"type": "string", "pattern": f"^(100|[1-9][0-9]?)\\s*%$|{VARIABLE}"}
Share = Annotated[float, Parser(_parse_share, _SHARE)]  # percent in the file, up to 1 here


def _parse_objective(value: object) -> float:
    text = value.strip() if isinstance(value, str) else ""
    digits = text.removesuffix("%").strip()
    if not text.endswith("%") or not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", digits):
        raise ExpectedError("a share such as 99% or 99.5%")
    if not 0 < float(digits) < 100:
        advice = "with 100% a single lost session would miss it for weeks"
        raise ExpectedError("a share above 0% and below 100%", advice)
    return float(f"{digits}e-2")


_OBJECTIVE = {
    "type": "string",
    "pattern": rf"^(?!0+(\.0+)?\s*%)[0-9]{{1,2}}(\.[0-9]{{1,3}})?\s*%$|{VARIABLE}",
}
# Percent in the file, a ratio here.
Objective = Annotated[float, Parser(_parse_objective, _OBJECTIVE)]
