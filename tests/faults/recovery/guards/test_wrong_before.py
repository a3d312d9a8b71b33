"""The application lives, and its sessions look orphaned: none is closed.

Each of these went wrong in the past. In scaled time: `orphaned_after` is some seconds, all the rest
is as it is in production, and recovery has earned all that it can earn.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes.session_exporter import Daemon, wait_for
from tests.support.recovery.automatic.daemons import auto_config, brakes, run_again
from tests.support.recovery.chats import Chats

AFTER = 4.0
#: A wave shows within half of it, and would be closed after another half.
LONG = 3 * AFTER
SESSIONS = 30

Act = Callable[[Chats], None]


def beat(condition: str) -> Act:
    """Write the heartbeats of these sessions."""
    statement = "UPDATE public.chats SET last_seen_at = clock_timestamp() WHERE is_active AND "

    def act(chats: Chats) -> None:
        chats.do(f"{statement}({condition})")

    return act


def start_one(chats: Chats) -> None:
    chats.do(
        "INSERT INTO public.chats (id, started_at, last_seen_at)"
        " SELECT max(id) + 1, now(), now() FROM public.chats"
    )


def keep_doing(chats: Chats, seconds: float, *acts: Act) -> None:
    """What the application does all the time, for so long."""
    end = time.monotonic() + seconds

    def is_over() -> bool:
        for act in acts:
            act(chats)
        return time.monotonic() >= end

    wait_for(is_over, "time passes", every=0.2)


@dataclass(frozen=True, slots=True)
class Fault:
    """What the application still does, and the brake that is on in the end."""

    acts: tuple[Act, ...]
    brake: str


FAULTS = {
    "no heartbeat is written, and sessions go on starting": Fault((start_one,), "silent"),
    "one of three servers writes no heartbeats": Fault((beat("mod(id, 3) > 0"),), "share"),
    "all but two sessions are cut off": Fault((beat("id < 3"),), "share"),
    "heartbeats are slower than the threshold": Fault(
        (
            beat(
                f"last_seen_at < clock_timestamp() - {1.6 * AFTER} * interval '1 s'"
                " + id * interval '40 ms'"
            ),
        ),
        "share",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_no_session_that_lives_is_closed(chats: Chats, tmp_path: Path, fault: Fault) -> None:
    chats.add(*range(1, SESSIONS + 1), silent="0 seconds")
    config = auto_config(chats, tmp_path, orphaned_after=f"{AFTER:g}s")
    with Daemon(config, folder=tmp_path) as daemon:
        keep_doing(chats, 1.0, beat("true"))
        keep_doing(chats, LONG, *fault.acts)
        page = run_again(daemon, 1)
        assert fault.brake in (brakes(page) or set())
    assert chats.audited == chats.recovered == []


@pytest.mark.slow
def test_what_was_stopped_at_night_is_not_closed_among_many_in_the_morning(
    chats: Chats, tmp_path: Path
) -> None:
    chats.add(*range(1, 13), silent="0 seconds")
    config = auto_config(chats, tmp_path, orphaned_after=f"{AFTER:g}s")
    with Daemon(config, folder=tmp_path) as daemon:
        keep_doing(chats, LONG, beat("id <= 2"))
        chats.add(*range(100, 500), silent="0 seconds")
        keep_doing(chats, LONG, beat("id <= 2 OR id >= 100"))
        page = run_again(daemon, 1)
        assert "share" in (brakes(page) or set())
        assert page.value("sessions_recovery_held") == 10
    assert chats.audited == []


@pytest.mark.slow
def test_a_threshold_that_is_lowered_by_mistake_closes_none(chats: Chats, tmp_path: Path) -> None:
    chats.add(*range(1, SESSIONS + 1), silent="0 seconds")
    rarely = beat(f"last_seen_at < clock_timestamp() - interval '{3 * AFTER} s'")
    with Daemon(auto_config(chats, tmp_path), folder=tmp_path) as daemon:
        run_again(daemon, 2)
    lowered = auto_config(chats, tmp_path, orphaned_after=f"{AFTER:g}s", is_trusted=False)
    with Daemon(lowered, folder=tmp_path) as daemon:
        keep_doing(chats, 4 * AFTER, rarely, start_one)
        assert brakes(run_again(daemon, 1))
    assert chats.audited == []


@pytest.mark.slow
def test_what_is_lost_is_closed_all_the_same(chats: Chats, tmp_path: Path) -> None:
    """Without a fault; so the tests above do not pass for want of time."""
    chats.add(*range(1, SESSIONS + 1), silent="0 seconds")
    config = auto_config(chats, tmp_path, orphaned_after=f"{AFTER:g}s")
    with Daemon(config, folder=tmp_path):
        keep_doing(chats, LONG, beat("id > 2"))
    assert chats.audited == [1, 2]
