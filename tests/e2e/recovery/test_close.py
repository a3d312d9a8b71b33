"""`session-exporter close`: what a planned stop leaves behind, and what it refuses."""

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from exporter.demo import history
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP
from tests.support.processes.session_exporter import CONVERSATIONS, IMPATIENT, run, write_config

TABLE = "conversations.conversation_sessions"
END_AT = "least(now(), s.session_start + interval '2 hours')"
RECOVERY = {
    "set": {
        "is_active": False,
        "session_end": "{end}",
        "ended_at": "{end}",
        "duration_seconds": "extract(epoch FROM {end} - s.session_start)",
    },
    "end_at": END_AT,
    "pause": "1ms",
}
START = f"INSERT INTO {TABLE} (session_id, user_id, session_start) VALUES (gen_random_uuid(), %s, "
#: What an application's own end call leaves: one end, and a duration that fits it.
COMPLETE = """\
SELECT count(*) FROM conversations.conversation_sessions
WHERE NOT is_active AND session_end = ended_at AND session_end >= session_start
    AND abs(duration_seconds - extract(epoch FROM session_end - session_start)) < 0.001
    AND duration_seconds > 0
"""

Close = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.fixture
def close(database: EmbeddedDatabase, tmp_path: Path) -> Close:
    """Run a command with this config, on a database that has the audit table."""
    config = write_config(
        tmp_path,
        {"app": {"dsn": database.dsn, **IMPATIENT}},
        {"conversations": {**CONVERSATIONS, "owner": "user_id", "recovery": RECOVERY}},
    )

    def close(
        *arguments: str, command: str = "close", of: str | None = "conversations"
    ) -> subprocess.CompletedProcess[str]:
        subject = [of] if of else []
        return run(command, *subject, "-c", config, *arguments, folder=tmp_path)

    return close


@pytest.fixture
def eighteen(database: EmbeddedDatabase) -> EmbeddedDatabase:
    """85 conversations, 18 of them left open between 9 and 444 hours ago."""
    with database.connect(APP) as connection:
        history.fill(connection, datetime.now(UTC))
    return database


def start(database: EmbeddedDatabase, *users: str, ago: str = "0 s") -> None:
    with database.connect(APP) as connection:
        for user in users:
            connection.execute(f"{START} now() - interval '{ago}')".encode(), [user])


def one(database: EmbeddedDatabase, query: str) -> Any:
    with database.connect() as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def active(database: EmbeddedDatabase) -> int:
    return int(one(database, f"SELECT count(*) FROM {TABLE} WHERE is_active"))


def snapshot(database: EmbeddedDatabase) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(f"SELECT * FROM {TABLE} ORDER BY 1".encode()).fetchall()


def test_a_planned_stop_closes_all_eighteen_with_every_column_set(
    eighteen: EmbeddedDatabase, close: Close
) -> None:
    done = close("--all", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "18 active sessions, 18 of them started before" in done.stdout
    assert "  18 would be closed" in done.stdout
    assert "  18 were closed" in done.stdout
    assert active(eighteen) == 0
    assert one(eighteen, COMPLETE) == 85
    longest = f"SELECT max(duration_seconds) FROM {TABLE}"
    assert one(eighteen, longest) <= 7200  # by end_at: none of them lasted 18 days
    triggers = "SELECT count(*) FROM session_exporter.recovery WHERE trigger = 'close'"
    assert one(eighteen, triggers) == 18
    again = close("--all", "--yes")
    assert (again.returncode, again.stderr) == (0, "")
    assert "0 would be closed" in again.stdout


def test_a_session_that_was_live_ends_as_the_application_ends_it(
    database: EmbeddedDatabase, close: Close
) -> None:
    start(database, "live", ago="30 minutes")
    assert close("--all", "--yes").returncode == 0
    ended = f"SELECT now() - session_end < interval '1 minute' FROM {TABLE}"
    assert one(database, ended) is True
    assert one(database, COMPLETE) == 1
    assert 1800 <= one(database, f"SELECT duration_seconds FROM {TABLE}") < 1860


def test_without_yes_there_is_only_the_plan(eighteen: EmbeddedDatabase, close: Close) -> None:
    before = snapshot(eighteen)
    for arguments in (["--all"], ["--owner", "user-0001"]):
        done = close(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert re.search(r"^  \d+ would be closed$", done.stdout, re.MULTILINE)
    assert "Nothing was changed; --yes closes them." in close("--all").stdout
    assert snapshot(eighteen) == before
    assert one(eighteen, "SELECT count(*) FROM session_exporter.recovery") == 0


def test_an_owner_that_stops_closes_its_own_live_sessions(
    database: EmbeddedDatabase, close: Close
) -> None:
    start(database, "pod-1", "pod-1", "pod-2")
    start(database, "pod-1", ago="9 days")
    done = close("--owner", "pod-1", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "4 active sessions, 3 of them of owner pod-1" in done.stdout
    assert "3 were closed" in done.stdout
    assert one(database, f"SELECT user_id FROM {TABLE} WHERE is_active") == "pod-2"
    again = close("--owner", "pod-1", "--yes")
    assert again.returncode == 0
    assert "0 of them of owner pod-1\n  0 would be closed" in again.stdout


def test_an_unknown_owner_fails_no_shutdown(eighteen: EmbeddedDatabase, close: Close) -> None:
    done = close("--owner", "no such owner", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 of them of owner no such owner\n  0 would be closed" in done.stdout
    assert active(eighteen) == 18


def test_all_is_refused_while_the_application_lives_unless_it_is_said(
    eighteen: EmbeddedDatabase, close: Close
) -> None:
    start(eighteen, "live")
    told = "  --yes would be refused; stop the application first, or add --even-live"
    plan = close("--all").stdout
    assert told in plan
    # What lives is listed with the others: it is closed when the application has stopped.
    assert "  19 would be closed" in plan
    assert len(re.findall("^[0-9a-f]{8}-", plan, re.MULTILINE)) == 19
    refused = close("--all", "--yes")
    assert refused.returncode == 1
    assert "nothing was closed: 1 of 19 active sessions showed life within the last 1m" in (
        refused.stderr
    )
    assert active(eighteen) == 19
    done = close("--all", "--even-live", "--yes", "--pause", "0")
    assert (done.returncode, done.stderr) == (0, "")
    assert "19 were closed" in done.stdout
    assert active(eighteen) == 0


def test_a_stop_is_undone_like_any_run(eighteen: EmbeddedDatabase, close: Close) -> None:
    start(eighteen, "live", ago="5 minutes")
    before = snapshot(eighteen)
    done = close("--all", "--yes")
    found = re.search(r"to undo it: session-exporter undo (\S+)", done.stdout)
    assert found
    assert re.search(rf"{found[1]} .* close +\S+ +19 +0", close(command="runs").stdout)
    undone = close(found[1], "--yes", command="undo", of=None)
    assert "19 were undone" in undone.stdout
    assert snapshot(eighteen) == before


def test_what_the_application_holds_is_left_and_told(
    database: EmbeddedDatabase, close: Close
) -> None:
    start(database, "pod-1", "pod-1")
    with database.connect() as connection:
        connection.execute("BEGIN")
        connection.execute(f"SELECT FROM {TABLE} LIMIT 1 FOR UPDATE".encode())
        done = close("--owner", "pod-1", "--yes")
    assert done.returncode == 1
    assert "  1 was closed" in done.stdout
    assert "  1 is still active: locked by another transaction; run the command again" in (
        done.stdout
    )


@pytest.mark.quick("arguments0", "arguments2", "arguments4")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "expected either --owner ID or --all, got neither"),
        (("--owner", "a", "--all"), "expected either --owner ID or --all, got both"),
        (("--owner", "a", "--even-live"), "--even-live goes with --all"),
        (("--owner", ""), "--owner: expected the id of an owner, got nothing"),
        (("--owner", "\udcff"), "--owner: expected text in UTF-8"),
        (("--all", "--pause", "soon"), "--pause: "),
    ],
)
def test_wrong_usage_is_said_in_a_sentence(
    close: Close, arguments: tuple[str, ...], sentence: str
) -> None:
    done = close(*arguments, "--yes")
    assert done.returncode == 2
    assert done.stderr.startswith(f"session-exporter: {sentence}")


@pytest.mark.parametrize(
    ("recovery", "sentence"),
    [
        (RECOVERY, "sources.conversations.owner is not set"),
        ({}, "sources.conversations.recovery declares no `set`"),
    ],
)
def test_a_config_without_what_is_needed_is_wrong_usage(
    database: EmbeddedDatabase, tmp_path: Path, recovery: dict[str, Any], sentence: str
) -> None:
    config = write_config(
        tmp_path,
        {"app": {"dsn": database.dsn}},
        {"conversations": {**CONVERSATIONS, "recovery": recovery}},
    )
    done = run("close", "conversations", "--owner", "a", "--yes", "-c", config, folder=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_a_pause_is_told_and_keeps_nobody_from_recovering_by_hand(
    eighteen: EmbeddedDatabase, close: Close
) -> None:
    for _ in range(2):
        paused = close("--reason", "we look at it", command="pause")
        assert (paused.returncode, paused.stderr) == (0, "")
        assert re.match(
            r"conversations \(app\) is paused since \S+ \S+ by postgres: we look at it",
            paused.stdout,
        )
    assert "it was paused before" in paused.stdout
    plan = close(command="recover")
    assert "automatic recovery is paused since" in plan.stdout
    assert "we look at it; recovery by hand is not affected" in plan.stdout
    done = close("--yes", "--backlog", "--despite-brake", command="recover")
    assert done.returncode == 0
    assert active(eighteen) == 0
    off = "  nothing is closed while this lasts: mode disabled: .*\n"
    shown = close(command="resume")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert re.fullmatch(
        r"conversations \(app\) is paused since \S+ \S+Z by postgres: we look at it; nothing is "
        rf"held\n{off}Nothing was changed; to resume what is shown, and nothing that begins "
        "later:\n"
        r"  session-exporter resume conversations --yes --only 2\S+Z --config.file \S+\n",
        shown.stdout,
    )
    assert "is paused since" in close(command="recover").stdout
    for sentence in (
        r"is resumed: the pause of \S+ \S+Z by postgres \(we look at it\) has ended\n",
        r"was not paused, and nothing is held; it was resumed before, at \S+ \S+Z by postgres\n",
    ):
        resumed = close("--yes", command="resume")
        assert (resumed.returncode, resumed.stderr) == (0, "")
        assert re.fullmatch(rf"conversations \(app\) {sentence}{off}", resumed.stdout)
    assert close(command="resume").stdout == resumed.stdout
    assert "paused" not in close(command="recover").stdout


def test_a_pause_of_what_is_not_there_is_wrong_usage(close: Close) -> None:
    for command in ("pause", "resume"):
        done = close(command=command, of="conversation")
        assert done.returncode == 2
        assert "did you mean conversations?" in done.stderr
    assert close("--reason", " ", command="pause").returncode == 2


def test_a_pause_needs_the_table_that_sql_audit_makes(
    database: EmbeddedDatabase, close: Close
) -> None:
    with database.connect() as connection:
        connection.execute("DROP SCHEMA session_exporter CASCADE")
    done = close(command="pause")
    assert done.returncode == 1
    assert "`session-exporter sql audit` prints the commands" in done.stderr
