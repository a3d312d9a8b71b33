"""`session-exporter recover` as a process that halts inside the statements of its transactions.

The source's own SQL goes through gates: `lock` before anything is locked, `write` before anything
is written, `commit` in a deferred trigger. To halt between two statements the process is stopped at
a gate with SIGSTOP, and the gate opened: the server does its part and waits for the next statement.
"""

import contextlib
import itertools
import os
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import yaml

from exporter.demo.server.databases import EmbeddedDatabase, require_role
from exporter.sessions.grants import RECOVERY_ROLE
from tests.support.processes.session_exporter import Running, start, wait_for
from tests.support.recovery.chats import SOURCE, Chats

#: A gate is closed while there is a row. A new snapshot is taken each time it is looked at.
GATES = """
CREATE TABLE public.gates (gate text PRIMARY KEY);
GRANT SELECT ON public.gates TO PUBLIC;
CREATE FUNCTION public.passes(name text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    WHILE current_setting('transaction_read_only') = 'off'
        AND EXISTS (SELECT FROM public.gates WHERE gate = name)
    LOOP
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN true;
END $$;
CREATE FUNCTION public.passes_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.passes('commit');
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER passes_commit AFTER INSERT ON session_exporter.recovery
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.passes_commit();
"""

#: A session that is alone is closed statement by statement, and not in one message.
ALONE = ("--batch", "1")

GATED = SOURCE.replace(
    "    NOT EXISTS (SELECT FROM public.hidden",
    "    public.passes('lock') AND NOT EXISTS (SELECT FROM public.hidden",
).replace(
    "    evidence: |\n",
    "    evidence: |\n      NOT public.passes('write') OR NOT public.passes('write ' || s.id) OR\n",
)

STATE = """
SELECT state, query, wait_event, state_change FROM pg_stat_activity
WHERE application_name = 'session-exporter'
    AND datname = current_database() AND xact_start IS NOT NULL
"""


class Process:
    """A command that runs; its methods are those of subprocess.Popen, its output is in a file."""

    def __init__(self, running: Running, log: Path) -> None:
        self._running = running
        self._log = log
        self.pid = running.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, once it was waited for."""
        return self._running.returncode

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._running.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code; raises TimeoutExpired."""
        return self._running.wait(timeout)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        self._running.send_signal(number)

    def kill(self) -> None:
        """End it at once."""
        self._running.kill()

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Wait for its end and return its output."""
        self.wait(timeout)
        return self._log.read_text(encoding="utf-8"), None


class Gated:
    """Chats behind gates, and the command that recovers them."""

    def __init__(
        self,
        database: EmbeddedDatabase,
        folder: Path,
        *,
        dsn: str | None = None,
        by_functions: bool = False,
    ) -> None:
        self.chats = Chats(database, folder, source=GATED)
        self.chats.do(GATES)
        self.by_functions = by_functions
        self._folder = folder
        self._numbers = itertools.count(1)
        self._config = folder / "gated.yaml"
        sources = yaml.safe_load(GATED)
        if by_functions:
            sources["chats"]["recovery"]["call"] = "session_exporter.recover_chats"
        app = {"dsn": dsn or database.dsn, "connect_timeout": "2s"}
        self._config.write_text(yaml.safe_dump({"databases": {"app": app}, "sources": sources}))
        if by_functions:
            self._create_functions(database)

    def recover(self, *options: str) -> contextlib.AbstractContextManager[Process]:
        """`recover --yes`."""
        return self.command("recover", "chats", "--yes", "--despite-brake", *options)

    @contextlib.contextmanager
    def command(self, *arguments: str) -> Iterator[Process]:
        """A command as a process; at the end it is killed, should it still be there."""
        words = [*arguments, "-c", str(self._config)]
        log = self._folder / f"command-{next(self._numbers)}.log"
        process = Process(start(words, folder=self._folder, log=log), log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def _create_functions(self, database: EmbeddedDatabase) -> None:
        require_role(database.server, RECOVERY_ROLE)
        with self.command("sql", "function", "chats") as process:
            printed, _ = process.communicate(timeout=60)
        assert process.returncode == 0, printed
        with database.connect() as connection:
            connection.execute(printed.encode())

    def finish(self) -> None:
        """Recover again, with all gates open: whatever happened before, all are closed now."""
        self.open()
        with self.recover("--pause", "1ms") as process:
            output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output

    def close(self, gate: str) -> None:
        """Nobody passes from now on."""
        self.chats.do("INSERT INTO public.gates VALUES (%s)", gate)

    def open(self) -> None:
        """Everybody passes."""
        self.chats.do("DELETE FROM public.gates")

    def wait_at_gate(self, process: Process) -> None:
        """Wait until the recovery is at the gate that is closed."""

        def is_there() -> bool:
            assert process.poll() is None, process.communicate()[0]
            return any(row["wait_event"] == "PgSleep" for row in self._transactions())

        wait_for(is_there, "it is at the gate")

    def freeze_after(self, process: Process) -> None:
        """Stop the process at the gate, and let the server finish the statement."""
        self.wait_at_gate(process)
        os.kill(process.pid, signal.SIGSTOP)
        self.open()
        wait_for(
            lambda: [row["state"] for row in self._transactions()] == ["idle in transaction"],
            "the server waits for the next statement",
        )

    def frozen_since(self) -> datetime:
        """When the server began to wait, by its own clock."""
        (since,) = {row["state_change"] for row in self._transactions()}
        return since  # type: ignore[return-value] # a timestamp

    def wait_until_gone(self) -> None:
        """Wait until the server has ended the transaction of the recovery."""
        wait_for(lambda: not self._transactions(), "the transaction has ended")

    def _transactions(self) -> list[dict[str, str]]:
        return self.chats.rows(STATE)
