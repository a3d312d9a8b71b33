"""Three exporters at once on one table: together they are one, and keep to one budget."""

import contextlib
from pathlib import Path

import pytest

from tests.support.processes.session_exporter import Daemon, wait_for
from tests.support.recovery.automatic.daemons import (
    SKIPPED,
    auto_config,
    candidates,
    recovered,
    run_again,
)
from tests.support.recovery.chats import Chats

ORPHANS = 25
PER_HOUR = 10


@pytest.mark.slow  # in test_auto.py two share an hour's budget
def test_together_they_close_an_hours_budget_and_each_session_once(
    chats: Chats, tmp_path: Path
) -> None:
    chats.add(*range(1, ORPHANS + 1))
    chats.add(*range(100, 105), silent="0 seconds")
    chats.do("INSERT INTO session_exporter.pause (source) VALUES ('chats')")
    config = auto_config(
        chats, tmp_path, per_hour=PER_HOUR, batch=3, pause="20ms", max_share="100%"
    )

    def closed() -> list[int]:
        found = chats.audited
        assert len(found) == len(set(found))
        return found

    with contextlib.ExitStack() as stack:
        daemons = [stack.enter_context(Daemon(config, folder=tmp_path)) for _ in range(3)]
        for daemon in daemons:
            daemon.wait_for_page(lambda page: candidates(page) == ORPHANS, "it sees them")
            run_again(daemon)
        assert closed() == []
        chats.do("DELETE FROM session_exporter.pause")  # all at once
        for hour in (1, 2):
            wait_for(lambda hour=hour: len(closed()) >= hour * PER_HOUR, "the budget is used up")  # type: ignore[misc]
            for daemon in daemons:
                run_again(daemon)
                page = daemon.wait_for_page(
                    lambda page, hour=hour: recovered(page) == hour * PER_HOUR,  # type: ignore[misc]
                    "each knows of all",
                )
                assert page.value(SKIPPED, reason="budget")
                assert sum(page.values("sessions_recovery_failed_total")) == 0
                assert candidates(page) == ORPHANS - hour * PER_HOUR
            assert chats.recovered == closed()
            assert len(closed()) == hour * PER_HOUR
            chats.do("UPDATE session_exporter.recovery SET at = at - interval '1 hour'")
        wait_for(lambda: len(closed()) == ORPHANS, "the rest is closed in the third hour")
    assert chats.recovered == closed() == list(range(1, ORPHANS + 1))
    assert sum(daemon.log.count("event=recovered ") > 0 for daemon in daemons) > 1
