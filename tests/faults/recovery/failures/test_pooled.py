"""Recovery through PgBouncer in transaction mode, as a role that may do no more than that."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.recovery.chats import ACTS
from tests.support.recovery.gates import ALONE, Gated
from tests.support.recovery.scenarios.races import LONGEST
from tests.support.servers.pgbouncer import PgBouncer, settings_in_the_pool, settings_of

IDS = [1, 2, 3, 4]

RIGHTS = f"""
GRANT USAGE ON SCHEMA public, session_exporter TO {EXPORTER};
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {EXPORTER};
GRANT UPDATE (is_active, ended_at, ended_by) ON public.chats TO {EXPORTER};
GRANT SELECT, INSERT ON session_exporter.recovery, session_exporter.run TO {EXPORTER};
GRANT UPDATE (undone_at, undo_reason) ON session_exporter.recovery TO {EXPORTER};
GRANT SELECT ON session_exporter.stop, session_exporter.observation TO {EXPORTER};
"""


@pytest.fixture
def gated(database: EmbeddedDatabase, bouncer: PgBouncer, tmp_path: Path) -> Iterator[Gated]:
    own = Gated(database, tmp_path, dsn=bouncer.dsn())
    own.chats.do(RIGHTS)
    own.chats.add(1, silent="2 hours")  # the first to be closed
    own.chats.add(*IDS[1:])
    yield own
    own.chats.close()


def test_it_recovers_and_undoes_and_leaves_no_setting_on_the_servers_connections(
    gated: Gated, bouncer: PgBouncer
) -> None:
    with gated.chats.database.connect(EXPORTER) as client:
        usual = settings_of(client)
    with bouncer.connect() as first, bouncer.connect() as second:
        with gated.recover("--batch", "3", "--pause", "1ms") as process:
            while process.poll() is None:
                assert settings_in_the_pool(first, second) == [usual, usual]
        assert process.returncode == 0
        assert gated.chats.recovered == gated.chats.audited == IDS
        run = str(gated.chats.audit[0]["run"])
        with gated.command("undo", run, "--yes") as process:
            while process.poll() is None:
                assert settings_in_the_pool(first, second) == [usual, usual]
        assert process.returncode == 0
        assert gated.chats.recovered == gated.chats.audited == []
        assert settings_in_the_pool(first, second) == [usual, usual]


@pytest.mark.quick("write")
@pytest.mark.parametrize("gate", ["lock", "write"])
def test_a_frozen_process_keeps_the_application_waiting_for_a_second_at_most(
    gated: Gated, gate: str
) -> None:
    gated.close(gate)
    with gated.recover(*ALONE) as process, gated.chats.application() as application:
        gated.freeze_after(process)
        began = time.monotonic()
        assert application.begin(ACTS["shows life"]).result(LONGEST) == 1
        assert time.monotonic() - began < LONGEST
        os.kill(process.pid, signal.SIGCONT)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Traceback" not in output
    assert gated.chats.recovered == gated.chats.audited == []
    gated.finish()
    assert gated.chats.recovered == gated.chats.audited == [2, 3, 4]


@pytest.mark.slow  # without a pooler in test_processes; and a killed pooler, below
@pytest.mark.parametrize("gate", ["lock", "write"])
def test_a_killed_process_has_done_nothing(gated: Gated, gate: str) -> None:
    gated.close(gate)
    with gated.recover(*ALONE) as process:
        gated.freeze_after(process)
        process.kill()
        process.wait()
    gated.wait_until_gone()
    assert gated.chats.recovered == gated.chats.audited == []
    gated.finish()
    assert gated.chats.recovered == gated.chats.audited == IDS


@pytest.mark.parametrize(("options", "done"), [(ALONE, []), ((), IDS)])
def test_a_pgbouncer_that_is_killed_in_the_middle_has_done_nothing_or_a_whole_message(
    gated: Gated, bouncer: PgBouncer, options: tuple[str, ...], done: list[int]
) -> None:
    gated.close("write")
    with gated.recover(*options) as process:
        gated.wait_at_gate(process)
        bouncer.kill()
        gated.open()
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "lost the connection to database app" in output
    gated.wait_until_gone()
    assert gated.chats.recovered == gated.chats.audited == done
    bouncer.start()
    gated.finish()
    assert gated.chats.recovered == gated.chats.audited == IDS
