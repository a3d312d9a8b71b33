"""docs/api.md: each documented field is in the example of its endpoint, and of its type."""

import pytest

from exporter.metrics.catalog import FAMILIES
from tests.support.api.reference import ENDPOINTS, example_of, fields_of, is_of_type, values_of


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_the_example_of_an_endpoint_has_each_documented_field_and_no_other(endpoint: str) -> None:
    types = fields_of(endpoint)
    found = list(values_of(example_of(endpoint), types))
    assert {path for path, _ in found} == types.keys()
    wrong = {path: value for path, value in found if not is_of_type(value, types[path])}
    assert wrong == {}


#: Where /api/v1/sources has what each metric of sessions counts.
FIELDS = {
    "active": "active_count",
    "orphaned": "orphaned_count",
    "overlong": "overlong_count",
    "active_silence_seconds": "silence",
    "oldest_active_start_timestamp_seconds": "oldest_active_start_at",
    "newest_start_timestamp_seconds": "newest_start_at",
    "oldest_orphan_last_seen_timestamp_seconds": "oldest_orphan_last_seen_at",
    "lost_total": "lost_count",
    "returned_total": "returned_count",
    "today_started": "days[].started",
    "daily_known_duration_seconds": "days[].average_duration_seconds",
    "daily_timed": "days[].average_duration_seconds",
    "daily_info": "days[].date",
    "orphaned_alert_threshold": "alert_above",
    "recovered_total": "recovery.recovered",
    "recovery_brake": "recovery.brakes",
    "recovery_paused": "recovery.pause",
    "recovery_last_run_timestamp_seconds": "recovery.last_run_at",
}
#: Beside the silence of the sessions, their age is of little use to one who reads.
NOT_SERVED = {"active_age_seconds"}


@pytest.mark.parametrize(
    "metric",
    [
        family.name.removeprefix("sessions_")
        for family in FAMILIES
        if family.name.startswith("sessions_") and not family.name.endswith("_by_label")
    ],
)
def test_what_a_metric_of_sessions_counts_is_in_the_api_as_well(metric: str) -> None:
    daily = f"days[].{metric.removeprefix('daily_')}"
    recovery = f"recovery.{metric.removeprefix('recovery_').removesuffix('_total')}"
    known = {FIELDS.get(metric), metric, daily, recovery}
    served = {path.removeprefix("sources[].") for path in fields_of("sources")}
    assert metric in NOT_SERVED or known & served, metric
