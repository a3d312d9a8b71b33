"""One line per event: a timestamp, a level, a name and its fields, as key=value or as JSON."""

import asyncio
import json
import logging
import re
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

INFO, WARNING = logging.INFO, logging.WARNING

#: The most characters of one value: a server's message may be of any length.
_LONGEST = 2000

#: A state that has flapped is logged when it has held for so long, in seconds.
HELD_SECONDS = 5.0
#: And one that flaps on, after so long at the latest.
LONGEST_UNLOGGED = 60.0

_WORD = re.compile(r"[A-Za-z0-9_.+-]+")
_LOG = logging.getLogger("session_exporter")


class LogFormat(StrEnum):
    """How a line is written."""

    LOGFMT = "logfmt"
    JSON = "json"


class LogLevel(StrEnum):
    """Which lines are written: those of this level or above."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def number(self) -> int:
        return logging.getLevelNamesMapping()[self.name]


def start(level: int = INFO, format_: LogFormat = LogFormat.LOGFMT) -> None:
    """Send log lines to stderr, and silence the libraries that would log every failure again."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if format_ is LogFormat.JSON else _Logfmt())
    _LOG.addHandler(handler)
    _LOG.setLevel(level)
    _LOG.propagate = False
    for library in ("apscheduler", "psycopg", "uvicorn", "asyncio", "httpx", "httpcore"):
        logging.getLogger(library).setLevel(logging.CRITICAL)


def log_errors_only() -> None:
    """For a command that itself says what failed: no second line about it, but tracebacks."""
    start(logging.ERROR)


def debug(event: str, **fields: object) -> None:
    """Log what is of use while something is being searched for."""
    _LOG.debug(event, extra={"fields": fields})


def info(event: str, **fields: object) -> None:
    """Log what an operator may want to know."""
    _LOG.info(event, extra={"fields": fields})


def warning(event: str, **fields: object) -> None:
    """Log what an operator should look at."""
    _LOG.warning(event, extra={"fields": fields})


def bug(event: str, error: BaseException, **fields: object) -> None:
    """Log something that should not happen, with its traceback."""
    _LOG.error(event, extra={"fields": fields}, exc_info=error)


class StateLog:
    """Lines about a state that may flap. Needs a running event loop.

    An outage and its end are logged at once. What goes on changing is logged when a state has held
    for HELD_SECONDS, or after LONGEST_UNLOGGED, with the number of changes that were not logged.
    """

    def __init__(self) -> None:
        self._recent = 0
        """Changes since a state has held for long enough."""
        self._unlogged = 0
        self._logged_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def change(self, log: Callable[..., None], event: str, **fields: object) -> None:
        """Note a change, which `log` logs."""
        loop = asyncio.get_running_loop()
        self._recent += 1
        self._unlogged += 1
        if self._timer is not None:
            self._timer.cancel()

        def write() -> None:
            changes = {"changes": self._unlogged} if self._unlogged > 1 else {}
            self._unlogged, self._logged_at = 0, loop.time()
            log(event, **fields, **changes)

        def hold() -> None:
            self._recent = 0
            if self._unlogged:
                write()

        if self._recent <= 2 or loop.time() - self._logged_at >= LONGEST_UNLOGGED:
            write()
        self._timer = loop.call_later(HELD_SECONDS, hold)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a line, in order; those that are None are left out."""
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    at = f"{at}.{record.msecs:03.0f}Z"
    fields: dict[str, Any] = {"time": at, "level": record.levelname, "event": record.getMessage()}
    fields |= getattr(record, "fields", {})
    return {key: _bounded(value) for key, value in fields.items() if value is not None}


def _bounded(value: object) -> object:
    if not isinstance(value, str) or len(value) <= _LONGEST:
        return value
    return f"{value[:_LONGEST]}… and {len(value) - _LONGEST} more characters"


class _Logfmt(logging.Formatter):
    """key=value; a value that is more than a word is quoted as in JSON. A traceback follows."""

    def format(self, record: logging.LogRecord) -> str:
        pairs = (f"{key}={_value(key, value)}" for key, value in _facts(record).items())
        traceback = [self.formatException(record.exc_info)] if record.exc_info else []
        return "\n".join([" ".join(pairs), *traceback])


class _Json(logging.Formatter):
    """One object per line, a traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        facts = _facts(record)
        if record.exc_info:
            facts["traceback"] = self.formatException(record.exc_info)
        return json.dumps(facts, default=str)


def _value(key: str, value: object) -> str:
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return text if key == "time" or _WORD.fullmatch(text) else json.dumps(text)
