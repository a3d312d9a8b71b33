"""A daemon with one source: how it is started, when it hangs, and how it ends."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    Page,
    wait_for,
    write_config,
)

LAST_SUCCESS = "session_exporter_collection_last_success_timestamp_seconds"


def last_success(page: Page, source: str) -> float:
    value = page.value(LAST_SUCCESS, source=source, collector="active")
    assert value is not None
    return value


TABLE = "conversations.conversation_sessions"


def daemon_on(
    dsn: str,
    folder: Path,
    *,
    where: str | None = None,
    within: Sequence[str | Path] = (),
    **settings: Any,
) -> Daemon:
    """One source and no daily statistics."""
    source: dict[str, Any] = {**CONVERSATIONS, "daily": None}
    if where is not None:
        source["where"] = where
    app = {"dsn": dsn, **IMPATIENT, **settings}
    config = write_config(folder, {"app": app}, {"chats": source})
    return Daemon(config, folder=folder, within=within)


def assert_stops(daemon: Daemon, *, seconds: float) -> None:
    """Of its own will: not killed, no traceback, and the last thing it says is that it stopped."""
    began = time.monotonic()
    assert daemon.stop(seconds=seconds + 10) == 0  # fails on a traceback
    assert time.monotonic() - began < seconds
    lines = daemon.log.splitlines()
    assert "event=stopping" in daemon.log
    assert lines[-1].endswith("level=INFO event=stopped")


def wait_until_silent(daemon: Daemon) -> None:
    """Wait until no collection has ended for twice as long as they are apart."""
    seen, since = last_success(daemon.scrape(), "chats"), time.monotonic()

    def silent() -> bool:
        nonlocal seen, since
        now = last_success(daemon.scrape(), "chats")
        if now > seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since > 0.6

    wait_for(silent, "a collection hangs", every=0.05)
