"""Names, choices, files, time zones and other values that are neither numbers nor SQL."""

import json
import re
import zoneinfo
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import ValidationInfo

from exporter.config.fields.parser import VARIABLE, ExpectedError, Parser, suggest

NAME = r"[A-Za-z_][A-Za-z0-9_.-]{0,62}"  # of databases and sources


def choice(words: tuple[str, ...]) -> Parser:
    """Accept one of a few words."""

    def parse(value: object) -> str:
        if isinstance(value, str) and value in words:
            return str(value)
        # YAML reads a bare off or no as false.
        disabled = value is False and "disabled" in words
        advice = "write disabled" if disabled else suggest(value, words)
        raise ExpectedError(f"{', '.join(words[:-1])} or {words[-1]}", advice)

    variable = {"type": "string", "pattern": VARIABLE}
    return Parser(parse, {"anyOf": [{"enum": list(words)}, variable]})


def name_like(what: str, pattern: str, reserved: str = "") -> Parser:
    """Accept a name that matches the pattern and is not reserved: a pattern too, word|word."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ExpectedError(what)
        if re.fullmatch(reserved, value):
            words = reserved.replace(".*", "*").split("|")
            raise ExpectedError(f"a name other than {', '.join(words)}")
        return str(value)

    schema = {"type": "string", "pattern": f"^({pattern})$|{VARIABLE}"}
    return Parser(parse, schema | ({"not": {"pattern": f"^({reserved})$"}} if reserved else {}))


def _parse_time_zone(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_+/-]{1,63}", value):
        raise ExpectedError("a time zone such as Europe/Berlin")
    # Where Python has no time zone data, only PostgreSQL checks the name.
    if not _can_be_read(value) and _time_zones() and value not in _time_zones():
        raise ExpectedError("a time zone such as Europe/Berlin", suggest(value, _time_zones()))
    return str(value)


def _can_be_read(zone: str) -> bool:
    """Whether Python has data of this zone, and lists it: copies in other folders it does not."""
    try:
        zoneinfo.ZoneInfo(zone)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        return False
    return not zone.startswith(("posix", "right/"))


@cache
def _time_zones() -> frozenset[str]:
    """Return all names, read once and only to explain a wrong one: it opens some 600 files."""
    return frozenset(zoneinfo.available_timezones())


TimeZone = Annotated[str, Parser(_parse_time_zone)]


def _parse_json_object(value: object) -> str:
    if not isinstance(value, dict) or not value:
        raise ExpectedError("a mapping that is merged, such as {auto_recovered: true}")
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError):
        advice = "put dates and the like in quotes"
        raise ExpectedError("a mapping of JSON values", advice) from None


# A mapping in the file, its JSON text in Python.
JsonObject = Annotated[str, Parser(_parse_json_object, {"type": "object", "minProperties": 1})]


def _parse_readable_file(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ExpectedError("the path of a file")
    path = info.context / value if isinstance(info.context, Path) else Path(value)
    try:
        # Opening a named pipe would wait for a writer.
        if path.is_file():
            path.open("rb").close()
            return path
        wrong = "it is not a regular file" if path.exists() else "there is no such file"
    except OSError as error:
        wrong = f"{error.strerror}"
    advice = f"{wrong} (a relative path begins at the folder of the config file)"
    raise ExpectedError("the path of a file that can be read", advice)


# A file that can be read now; its path is relative to the config file's folder.
ReadableFile = Annotated[Path, Parser(_parse_readable_file)]


def _parse_command(value: object, info: ValidationInfo) -> tuple[str, ...]:
    expected = "a list of texts, a program and its arguments"
    if isinstance(value, str):
        advice = "no shell reads it: write [program, argument], or [sh, -c, …]"
        raise ExpectedError(expected, advice, "one text")
    if not isinstance(value, list | tuple) or not value:
        raise ExpectedError(expected)
    for index, each in enumerate(value):
        if not isinstance(each, str) or "\0" in each or not (each or index):
            # The value is not shown, wherever it stands: arguments hold secrets.
            advice = "put numbers, dates, yes and no in quotes"
            raise ExpectedError(f"{expected}; item {index + 1} is not one", advice, "another value")
    program, *arguments = map(str, value)
    if "/" in program and isinstance(info.context, Path):
        program = str(info.context.absolute() / program)
    return program, *arguments


_COMMAND = {"type": "array", "items": {"type": "string"}, "minItems": 1}

# A program and its arguments, which no shell reads; a path is relative to the config file's folder.
Command = Annotated[tuple[str, ...], Parser(_parse_command, _COMMAND)]
