"""Follows a runbook as a person does: its commands and its SQL as written, from another folder."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any, Self

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.documents import DOCS, TEXTS, blocks
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.psql import psql

#: A table of none of the examples: ten sessions that live, and were seen at different times.
TABLE = """
CREATE TABLE public."Calls" (
    id int PRIMARY KEY, server text DEFAULT 'a', state text NOT NULL DEFAULT 'open',
    began timestamptz NOT NULL DEFAULT now() - interval '30 minutes',
    seen timestamptz DEFAULT now(), ended timestamptz
);
INSERT INTO public."Calls" (id, seen)
SELECT n, now() - n * interval '1 second' FROM generate_series(1, 10) AS n;
"""
CALLS: dict[str, Any] = {
    "table": 'public."Calls"',
    "active": "s.state = 'open'",
    "started_at": "began",
    "last_seen_at": "seen",
    "ended_at": "ended",
    "id": "id",
    "orphaned_after": "1h",
    "show": ["server"],
    "recovery": {"set": {"state": "'closed'", "ended": "{end}"}},
}

#: Sessions from one id to another, last seen so long ago; the longer, the larger the id.
ORPHANS = """
INSERT INTO public."Calls" (id, began, seen)
SELECT n, now() - interval '{silent}' - interval '1 hour',
    now() - interval '{silent}' - n * interval '1 second'
FROM generate_series({first}, {last}) AS n
"""


def orphans(first: int, last: int, silent: str = "5 hours") -> str:
    """The statement that writes sessions which are active and silent."""
    return ORPHANS.format(first=first, last=last, silent=silent)


class Followed:
    """A runbook, or another document, followed from a folder in which there is nothing.

    At the end each block of its commands has to have been run.
    """

    def __init__(self, name: str, database: EmbeddedDatabase, config: Path, **words: str) -> None:
        self.words = {"SOURCE": "calls", **words}
        self._database, self._config = database, config
        self._folder = config.parent / "elsewhere"
        self._folder.mkdir(exist_ok=True)
        text = TEXTS[name] if name in TEXTS else (DOCS / f"{name}.md").read_text("utf-8")
        commands = text.partition("## Commands\n")[2].partition("\n## ")[0]
        self._commands = blocks(commands or text, "sh")
        self._queries = blocks(text, "sql")
        self._variables = ""
        self._next = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            assert self._next == len(self._commands), self._commands[self._next :]

    def run(self, *, codes: tuple[int, ...] = (0, 1)) -> str:
        """Run the next block; return what its commands print, one after the other."""
        lines = self._commands[self._next].splitlines()
        self._next += 1
        return "".join(self._run(line, codes) for line in lines)

    def _run(self, line: str, codes: tuple[int, ...]) -> str:
        command, _, file = line.partition(" > ")
        program, *words = shlex.split(command)
        assert program == "session-exporter"
        unknown = [word for word in words if word.isupper() and word not in self.words]
        assert unknown == [], f"{line}: a command before has to show {unknown}"
        words = [self.words.get(word, word) for word in words]
        done = run(*words, folder=self._folder, SESSION_EXPORTER_CONFIG=str(self._config))
        assert done.returncode in codes, f"{line}\n{done.stdout}{done.stderr}"
        if file:
            self._variables = done.stdout
        self._learn(done)
        return done.stdout + done.stderr

    def _learn(self, done: subprocess.CompletedProcess[str]) -> None:
        """Keep the id of a run that a command prints, as a person would."""
        if found := re.search(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", done.stdout):
            self.words["RUN"] = found[0]

    def ask(self, number: int = 0, *, until: int | None = None, **replaced: str) -> list[str]:
        """What psql shows of a block of its SQL, or of several, as lines of fields by `|`."""
        chosen = self._queries[number : (number if until is None else until) + 1]
        script = "\n".join([self._variables, *chosen])
        for old, new in replaced.items():
            assert f"{old} = " in script
            script = re.sub(rf"{old} = .*", new, script)
        done = psql(self._database, script, "--quiet", "--tuples-only", "--no-align")
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


def config_of(
    folder: Path, database: EmbeddedDatabase, *, dsn: str | None = None, **changes: Any
) -> Path:
    """A config with the source `calls` in one database, in which some keys are changed."""
    evidence = {key: changes.pop(key) for key in ("lists", "owners") if key in changes}
    databases = {"app": {"dsn": dsn or database.dsn}}
    return write_config(folder, databases, {"calls": {**CALLS, **changes}}, **evidence)
