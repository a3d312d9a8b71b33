"""The applications that are recognised, and what is known of them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config import load_config
from exporter.discover.known import KnownApplication, find_application, known_applications

APPLICATIONS = known_applications()


def label(application: KnownApplication) -> str:
    return f"{application.name} {application.version}"


def source_of(application: KnownApplication, schema: str = "public") -> dict[str, Any]:
    threshold = {"orphaned_after": application.threshold} if application.threshold else {}
    named = {"table": f'"{schema}"."{application.table}"'}
    return named | application.settings_in(schema) | threshold


@pytest.mark.parametrize("application", APPLICATIONS, ids=label)
def test_what_is_known_of_an_application_is_a_valid_source(
    application: KnownApplication, tmp_path: Path
) -> None:
    data = {
        "databases": {"app": {"dsn": "host=localhost"}},
        "sources": {application.source: source_of(application, "My Schema")},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    source = load_config(path).sources[application.source]
    assert source.id is not None


@pytest.mark.parametrize("application", APPLICATIONS, ids=label)
def test_an_application_is_recognised_by_its_table_and_four_columns(
    application: KnownApplication,
) -> None:
    assert len(set(application.columns)) == 4
    assert find_application(application.table, {"other", *application.columns}) is application
    assert find_application(f"{application.table}_2", application.columns) is None
    for missing in application.columns:
        columns = [each for each in application.columns if each != missing]
        assert find_application(application.table, columns) is None


@pytest.mark.parametrize("application", APPLICATIONS, ids=label)
def test_recovery_is_left_to_the_command_of_the_application(application: KnownApplication) -> None:
    assert "recovery" not in application.settings
    assert application.closing
    assert application.table not in application.covers


def test_no_application_hides_the_session_table_of_another_one() -> None:
    tables = {each.table for each in APPLICATIONS}
    assert not tables & {table for each in APPLICATIONS for table in each.covers}


def test_a_schema_is_quoted_wherever_the_settings_name_it() -> None:
    quartz = next(each for each in APPLICATIONS if each.name == "Quartz")
    sql = quartz.settings_in('My "Q"')["last_seen_at"]["column"]
    assert 'FROM "My ""Q""".qrtz_scheduler_state' in sql
    assert "{schema}" in quartz.settings["last_seen_at"]["column"]
