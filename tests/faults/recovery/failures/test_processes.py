"""The recovering process or the server dies or freezes: nothing is half done, and it can go on."""

import os
import re
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import wheel_binaries
from exporter.demo.systems.schemas import create_empty
from tests.support.recovery.chats import ACTS
from tests.support.recovery.gates import ALONE, Gated, Process
from tests.support.recovery.scenarios.races import LONGEST
from tests.support.servers.quick_server import QuickServer

IDS = [1, 2, 3, 4]


@pytest.fixture(params=[False, True], ids=["by statements", "by functions"])
def gated(
    database: EmbeddedDatabase, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Gated]:
    own = Gated(database, tmp_path, by_functions=request.param)
    own.chats.add(1, silent="2 hours")  # the first to be closed
    own.chats.add(*IDS[1:])
    yield own
    own.chats.close()


def kill(process: Process) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.quick("by functions-write")
@pytest.mark.parametrize("gate", ["lock", "write"])
def test_killed_during_a_statement_it_has_done_nothing(gated: Gated, gate: str) -> None:
    gated.close(gate)
    with gated.recover(*ALONE) as process:
        gated.wait_at_gate(process)
        kill(process)
        gated.open()
    gated.wait_until_gone()
    assert gated.chats.recovered == gated.chats.audited == []
    gated.finish()
    assert gated.chats.recovered == gated.chats.audited == IDS


@pytest.mark.quick("by statements-write")
@pytest.mark.parametrize("gate", ["lock", "write"])
def test_killed_between_two_statements_it_has_done_nothing(gated: Gated, gate: str) -> None:
    gated.close(gate)
    with gated.recover(*ALONE) as process:
        gated.freeze_after(process)
        kill(process)
    gated.wait_until_gone()
    assert gated.chats.recovered == gated.chats.audited == []
    gated.finish()
    assert gated.chats.recovered == gated.chats.audited == IDS


@pytest.mark.quick("by statements")
def test_killed_during_the_commit_it_has_done_everything(gated: Gated) -> None:
    gated.close("commit")
    with gated.recover() as process:
        gated.wait_at_gate(process)
        assert gated.chats.recovered == gated.chats.audited == []
        kill(process)
        gated.open()
    gated.wait_until_gone()
    assert gated.chats.recovered == gated.chats.audited == IDS
    gated.finish()
    assert gated.chats.recovered == gated.chats.audited == IDS


@pytest.mark.quick("by functions")
def test_killed_during_a_batch_it_has_done_those_before_and_what_it_has_sent(
    gated: Gated,
) -> None:
    gated.close("write 3")
    with gated.recover("--batch", "2", "--pause", "1ms") as process:
        gated.wait_at_gate(process)
        kill(process)
        gated.open()
    gated.wait_until_gone()
    # A message is whole, its COMMIT included; a call of the function is not.
    done = [1, 2] if gated.by_functions else IDS
    assert gated.chats.recovered == gated.chats.audited == done
    gated.finish()
    assert gated.chats.recovered == gated.chats.audited == IDS


@pytest.mark.quick("by statements-lock")
@pytest.mark.parametrize("gate", ["lock", "write"])
def test_a_frozen_process_keeps_the_application_waiting_for_a_second_at_most(
    gated: Gated, gate: str
) -> None:
    gated.close(gate)
    with gated.recover(*ALONE) as process, gated.chats.application() as application:
        gated.freeze_after(process)
        frozen_since = gated.frozen_since()
        application.do(f"SET statement_timeout = '{LONGEST} s'")
        shows_life = f"{ACTS['shows life']} RETURNING clock_timestamp()"
        ((shown_at,),) = application.connection.execute(shows_life.encode()).fetchall()
        # By the server's clock: the second after which it sends the process away, and a little.
        assert timedelta(seconds=0.9) < shown_at - frozen_since < timedelta(seconds=1.5)
        os.kill(process.pid, signal.SIGCONT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in output
    # Which of both it reads depends on how much of what the server said has come by then.
    ended = "database app ended the connection at its idle_in_transaction_session_timeout"
    lost = "lost the connection to database app"
    assert re.search(rf"session-exporter: chats \(app\): ({ended}|{lost})", output)
    assert gated.chats.recovered == gated.chats.audited == []
    gated.finish()
    assert gated.chats.recovered == gated.chats.audited == [2, 3, 4]


def test_a_server_that_is_killed_during_a_batch_has_done_those_before(
    fast_folder: Path | None, tmp_path: Path
) -> None:
    with QuickServer(wheel_binaries(18), parent=fast_folder) as server:
        gated = Gated(create_empty(server, "victim"), tmp_path)
        gated.chats.add(*IDS)
        gated.close("write 3")
        with gated.recover("--batch", "2", "--pause", "1ms") as process:
            gated.wait_at_gate(process)
            server.kill()
            output, _ = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "Traceback" not in output
        assert "lost the connection to database app" in output
        server.start()
        gated.chats.connect_again()
        assert gated.chats.recovered == gated.chats.audited == [1, 2]
        assert "2 were closed before the run ended early" in output
        assert f"session-exporter undo {gated.chats.audit[0]['run']} shows" in output
        gated.finish()
        assert gated.chats.recovered == gated.chats.audited == IDS
        gated.chats.close()


@pytest.mark.quick("by statements")
def test_ended_by_the_administrator_it_says_so(gated: Gated) -> None:
    gated.close("write")
    with gated.recover() as process:
        gated.wait_at_gate(process)
        gated.chats.do(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'session-exporter'"
        )
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "terminating connection due to administrator command" in output
    assert gated.chats.recovered == gated.chats.audited == []
    gated.finish()
    assert gated.chats.recovered == gated.chats.audited == IDS
