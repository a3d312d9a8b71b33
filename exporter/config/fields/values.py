"""Names, choices, files, connection strings and other values that are neither numbers nor SQL."""

import json
import re
import zoneinfo
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationInfo

from exporter.config.fields.parser import VARIABLE, ExpectedError, Parser, suggest

NAME = r"[A-Za-z_][A-Za-z0-9_.-]{0,62}"  # of databases and sources


@dataclass(frozen=True)
class Choice(Parser):
    """One of a few words."""

    words: tuple[str, ...]

    def parse(self, value: object, _info: ValidationInfo, /) -> str:
        if isinstance(value, str) and value in self.words:
            return str(value)
        # YAML reads a bare off or no as false.
        disabled = value is False and "disabled" in self.words
        advice = "write disabled" if disabled else suggest(value, self.words)
        raise ExpectedError(f"{', '.join(self.words[:-1])} or {self.words[-1]}", advice)

    def json_schema(self) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(self.words)}, {"type": "string", "pattern": VARIABLE}]}


@dataclass(frozen=True)
class Name(Parser):
    """A name that matches a pattern and is not reserved."""

    what: str
    pattern: str
    reserved: str = ""  # a pattern too: word|word

    def parse(self, value: object, _info: ValidationInfo, /) -> str:
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
            raise ExpectedError(self.what)
        if re.fullmatch(self.reserved, value):
            reserved = self.reserved.replace(".*", "*").split("|")
            raise ExpectedError(f"a name other than {', '.join(reserved)}")
        return str(value)

    def json_schema(self) -> dict[str, Any]:
        schema = {"type": "string", "pattern": f"^({self.pattern})$|{VARIABLE}"}
        return schema | ({"not": {"pattern": f"^({self.reserved})$"}} if self.reserved else {})


class TimeZone(Parser):
    """The name of a time zone; where Python has no time zone data, only PostgreSQL checks it."""

    def parse(self, value: object, _info: ValidationInfo, /) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_+/-]{1,63}", value):
            raise ExpectedError("a time zone such as Europe/Berlin")
        if value != "UTC" and _time_zones() and value not in _time_zones():
            raise ExpectedError("a time zone such as Europe/Berlin", suggest(value, _time_zones()))
        return str(value)


@cache
def _time_zones() -> frozenset[str]:
    """Return all names, read once: it opens some 600 files."""
    return frozenset(zoneinfo.available_timezones())


class Boolean(Parser):
    """true or false."""

    def parse(self, value: object, _info: ValidationInfo, /) -> bool:
        if not isinstance(value, bool):
            raise ExpectedError("true or false")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class JsonObject(Parser):
    """A JSON object: a mapping in the file, its JSON text in Python."""

    def parse(self, value: object, info: ValidationInfo, /) -> str:
        if isinstance(value, str) and info.context is None:
            return value  # in Python
        if not isinstance(value, dict) or not value:
            raise ExpectedError("a mapping that is merged, such as {auto_recovered: true}")
        try:
            return json.dumps(value, sort_keys=True)
        except (TypeError, ValueError):
            raise ExpectedError(
                "a mapping of JSON values", "put dates and the like in quotes"
            ) from None

    def json_schema(self) -> dict[str, Any]:
        return {"type": "object", "minProperties": 1}


class ConnectionString(Parser):
    """A libpq connection string, which libpq alone checks. It may hold a password."""

    def parse(self, value: object, _info: ValidationInfo, /) -> str:
        if not isinstance(value, str) or "\0" in value:
            raise ExpectedError("a connection string", 'write "" to leave it all to libpq')
        return str(value)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string"}


class ReadableFile(Parser):
    """A file that can be read now; its path is relative to the config file's folder."""

    def parse(self, value: object, info: ValidationInfo, /) -> Path:
        if isinstance(value, Path):
            return value
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
