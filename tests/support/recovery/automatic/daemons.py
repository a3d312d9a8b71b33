"""`session-exporter run` that recovers chats by itself: its config, and what its page says."""

from pathlib import Path
from typing import Any

import yaml

from exporter.recovery.decision.brakes import BRAKES
from tests.support.processes.session_exporter import IMPATIENT, Daemon, Page, wait_for, write_config
from tests.support.recovery.automatic.trust import trust_all
from tests.support.recovery.chats import SOURCE, Chats

LAST_RUN = "sessions_recovery_last_run_timestamp_seconds"
FAILED = "sessions_recovery_failed_total"
SKIPPED = "sessions_recovery_skipped_total"

#: No waiting: a test that is about the grace, or the pause, says so.
AUTO: dict[str, Any] = {"mode": "auto", "grace": "1ms", "pause": "1ms"}


def auto_config(
    chats: Chats,
    folder: Path,
    *,
    dsn: str | None = None,
    every: str = "250ms",
    orphaned_after: str = "10m",
    is_trusted: bool = True,
    recovery_dsn: str | None = None,
    **recovery: Any,
) -> Path:
    """A config file in which the chats are recovered automatically, as if for long."""
    (source,) = yaml.safe_load(SOURCE).values()
    source |= {"every": every, "stale_after": "60s", "daily": None}
    source["orphaned_after"] = orphaned_after
    source["recovery"] |= AUTO | recovery | ({"dsn": recovery_dsn} if recovery_dsn else {})
    app = {"dsn": dsn or chats.database.dsn, **IMPATIENT}
    path = write_config(folder, {"app": app}, {"chats": source})
    if is_trusted:
        trust_all(path, dsn=chats.database.dsn)
    return path


def brakes(page: Page) -> set[str] | None:
    """The brakes that are on; None where nobody knows."""
    known = {brake: page.value("sessions_recovery_brake", brake=brake) for brake in BRAKES}
    return None if None in known.values() else {brake for brake, is_on in known.items() if is_on}


def recovered(page: Page) -> float | None:
    """How many sessions auto has closed, whichever exporter it was."""
    return page.value("sessions_recovered_total", trigger="auto")


def candidates(page: Page) -> float | None:
    """How many look orphaned."""
    return page.value("sessions_recovery_candidates")


def run_again(daemon: Daemon, times: int = 3) -> Page:
    """Wait until recovery has run some times more, and return the last page."""
    page = daemon.scrape()
    for _ in range(times):
        before = page.value(LAST_RUN)
        page = daemon.wait_for_page(
            lambda page, before=before: page.value(LAST_RUN) not in {None, before},  # type: ignore[misc]
            "recovery runs again",
            seconds=60,  # on a busy machine it keeps longer intervals, to spare the database
        )
    return page


def wait_until_closed(chats: Chats, daemon: Daemon, *ids: int) -> None:
    """Wait until just these are recovered, and in the audit."""
    expected = list(ids)
    wait_for(
        lambda: chats.audited == expected,
        f"{expected} are closed",
        details=lambda: f"{chats.audited}\n{daemon.log}",
    )
    assert chats.recovered == expected
