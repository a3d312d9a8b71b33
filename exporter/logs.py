"""One line per event: a timestamp, a level, a name and key=value pairs."""

import json
import logging
import sys

INFO, WARNING = logging.INFO, logging.WARNING

_LOG = logging.getLogger("session_exporter")


def start(level: int = INFO) -> None:
    """Send log lines to stderr, and silence the libraries that would log every failure again."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("time=%(asctime)s level=%(levelname)s %(message)s"))
    _LOG.addHandler(handler)
    _LOG.setLevel(level)
    _LOG.propagate = False
    for library in ("apscheduler", "psycopg", "uvicorn", "asyncio"):
        logging.getLogger(library).setLevel(logging.CRITICAL)


def only_bugs() -> None:
    """For a command that itself says what failed: no second line about it, but tracebacks."""
    start(logging.ERROR)


def info(event: str, **fields: object) -> None:
    """Log what an operator may want to know."""
    _LOG.info("%s", _line(event, fields))


def warning(event: str, **fields: object) -> None:
    """Log what an operator should look at."""
    _LOG.warning("%s", _line(event, fields))


def bug(event: str, error: BaseException, **fields: object) -> None:
    """Log something that should not happen, with its traceback."""
    _LOG.error("%s", _line(event, fields), exc_info=error)


def _line(event: str, fields: dict[str, object]) -> str:
    pairs = (f"{key}={_value(value)}" for key, value in fields.items() if value is not None)
    return " ".join((f"event={event}", *pairs))


def _value(value: object) -> str:
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return text if text and text.isascii() and text.isidentifier() else json.dumps(text)
