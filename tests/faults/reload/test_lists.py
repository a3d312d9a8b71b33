"""A source without a table is counted when its list answers: a changed one has it asked at once."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.processes.applications import CallServerProcess
from tests.support.processes.reloading import ConfigFile, reload
from tests.support.processes.session_exporter import Daemon, Page, write_config

pytestmark = pytest.mark.slow  # it starts an application and a daemon

COLLECTED = "session_exporter_collection_last_success_timestamp_seconds"

#: Asked so rarely that within the test only what a reload asks for is due.
LIST: dict[str, Any] = {
    "items": "sessions",
    "id": "id",
    "started_at": "startedAt",
    "every": "1h",
    "timeout": "5s",
}
SOURCE = {"list": "calls", "orphaned_after": "1h"}


def test_a_changed_or_new_source_of_a_list_is_counted_at_once(tmp_path: Path) -> None:
    with CallServerProcess(folder=tmp_path) as server:
        lists = {"calls": LIST | {"urls": {"server": f"{server.url}/sessions"}}}
        file = ConfigFile(write_config(tmp_path, {}, {"calls": SOURCE}, lists=lists))
        with Daemon(file.path, folder=tmp_path) as daemon:
            before = daemon.wait_for_page(lambda page: page.succeeds("calls"), "it is counted")
            assert before.value("sessions_active", source="calls") == 0

            reload(daemon)
            assert _collected_at(daemon.scrape()) == _collected_at(before)

            file.change("sources", "calls", orphaned_after="2h")
            reload(daemon)
            changed = daemon.wait_for_page(
                lambda page: (_collected_at(page) or 0.0) > (_collected_at(before) or 0.0),
                "it is counted again",
            )

            file.change("sources", "new", **SOURCE)
            reload(daemon)
            page = daemon.wait_for_page(lambda page: page.succeeds("new"), "the new one is counted")
            assert (_collected_at(page) or 0.0) >= (_collected_at(changed) or 0.0)
            assert page.value("sessions_active", source="new") == 0


def _collected_at(page: Page) -> float | None:
    return page.value(COLLECTED, source="calls", collector="active")
