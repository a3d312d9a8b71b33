"""Metrics that the catalog does not have yet, or has with other labels: its own come first.

To be removed, with an import from the catalog in its place, once the catalog has them.
"""

from dataclasses import replace

from exporter.metrics.catalog import FAMILIES, Family

_BY_NAME = {family.name: family for family in FAMILIES}


def _day(name: str, *labels: str, split: bool = True) -> Family:
    known = _BY_NAME.get(name)
    wanted = Family(name, "By day of the start.", ("days_ago", *labels), split=split)
    return replace(known, labels=wanted.labels) if known else wanted


def _counter(name: str) -> Family:
    return _BY_NAME.get(name, Family(name, "Since the start of the exporter.", type="counter"))


def _gauge(name: str) -> Family:
    return _BY_NAME.get(name, Family(name, "From the config or the last collection."))


DAILY_STARTED = _day("sessions_daily_started")
DAILY_ENDED = _day("sessions_daily_ended")
DAILY_RECOVERED = _day("sessions_daily_recovered")
DAILY_LOST = _day("sessions_daily_lost")
DAILY_STILL_ACTIVE = _day("sessions_daily_still_active")
DAILY_KNOWN_DURATION = _day("sessions_daily_known_duration_seconds")
DAILY_TIMED = _day("sessions_daily_timed")
DAILY_INFO = _day("sessions_daily_info", "date", split=False)
OBJECTIVE = _gauge("sessions_objective_ratio")
LOST = _counter("sessions_lost_total")
NEWEST_START = _gauge("sessions_newest_start_timestamp_seconds")

PENDING = (
    *(
        each
        for family in (
            DAILY_STARTED,
            DAILY_ENDED,
            DAILY_RECOVERED,
            DAILY_LOST,
            DAILY_STILL_ACTIVE,
            DAILY_KNOWN_DURATION,
            DAILY_TIMED,
        )
        for each in (family, family.by_label)
    ),
    DAILY_INFO,
    OBJECTIVE,
    LOST,
    NEWEST_START,
)

#: What the metrics above replace.
REPLACED = (
    "sessions_daily_average_duration_seconds",
    "sessions_daily_average_duration_seconds_by_label",
)
