"""Checks the connection strings of a config; the usual ones without libpq, which loads slowly."""

import re

from exporter.config import Config
from exporter.errors import ExporterError

_TEXT = r"[A-Za-z0-9_.~-]+"
_PATH = r"[A-Za-z0-9_./~-]+"
_PARAMETER = rf"(?:sslmode|sslrootcert|target_session_attrs|connect_timeout)={_PATH}"
_KEYWORD = rf"(?:(?:host|dbname|user|password|service)={_PATH}|port=[0-9]+|{_PARAMETER})"

#: Connection strings that libpq certainly accepts: a URL or keywords, without escapes.
PLAIN = re.compile(
    rf"postgres(?:ql)?://(?:{_TEXT}(?::{_TEXT})?@)?(?:{_TEXT})?(?::[0-9]+)?(?:/(?:{_TEXT})?)?"
    rf"(?:\?{_PARAMETER}(?:&{_PARAMETER})*)?"
    rf"|{_KEYWORD}(?: {_KEYWORD})*"
)


def require_valid(config: Config) -> None:
    """Raise ExporterError for the first connection string that libpq does not accept."""
    dsns = {f"databases.{each.name}.dsn": each.dsn for each in config.databases.values()}
    dsns |= {
        f"sources.{each.name}.recovery.dsn": each.recovery.dsn
        for each in config.sources.values()
        if each.recovery.dsn is not None
    }
    unusual = {key: dsn for key, dsn in dsns.items() if not PLAIN.fullmatch(dsn)}
    if not unusual:
        return
    # It takes as long to import as the rest of `check` takes.
    from exporter.postgres import dsn_problem  # noqa: PLC0415

    for key, dsn in unusual.items():
        if problem := dsn_problem(dsn):
            raise ExporterError(f"{config.path}: {key}: {problem}")
