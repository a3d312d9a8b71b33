"""The tasks of an execution are closed after it, as the document declares both."""

import json
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.documents import blocks, commands
from tests.support.processes.session_exporter import run
from tests.support.servers.statements import execute, rows

DOCUMENT = (Path(__file__).parents[4] / "docs" / "recovery.md").read_text(encoding="utf-8")
SECTION = DOCUMENT.partition("## Related rows")[2].partition("\n## ")[0]

TABLES = """
CREATE TABLE public.executions (
    id int PRIMARY KEY,
    state text NOT NULL DEFAULT 'running',
    started_at timestamptz NOT NULL DEFAULT now() - interval '1 day',
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE TABLE public.tasks (
    id int PRIMARY KEY,
    execution_id int NOT NULL REFERENCES public.executions,
    state text NOT NULL DEFAULT 'running',
    started_at timestamptz NOT NULL DEFAULT now() - interval '23 hours',
    ended_at timestamptz
);
CREATE INDEX ON public.executions (started_at) WHERE state = 'running';
CREATE INDEX ON public.tasks (started_at) WHERE state = 'running';
"""

#: The first is lost, and the second was ended by the application, which forgot its task.
ROWS = """
INSERT INTO public.executions (id) SELECT generate_series(1, 40);
UPDATE public.executions SET heartbeat_at = now() - interval '1 hour' WHERE id = 1;
UPDATE public.executions SET state = 'done', ended_at = now() - interval '2 hours',
    heartbeat_at = now() - interval '2 hours' WHERE id = 2;
INSERT INTO public.tasks (id, execution_id) SELECT 10 * id + 1, id FROM public.executions;
INSERT INTO public.tasks (id, execution_id) VALUES (12, 1);
INSERT INTO public.tasks (id, execution_id, state) VALUES (13, 1, 'done');
"""


@pytest.fixture
def config(database: EmbeddedDatabase, tmp_path: Path) -> Path:
    execute(database, TABLES, ROWS)
    (declared,) = blocks(SECTION, "yaml")
    path = tmp_path / "config.yaml"
    path.write_text(f"databases: {{app: {{dsn: '{database.dsn}'}}}}\n{declared}", encoding="utf-8")
    return path


def lost(database: EmbeddedDatabase, table: str) -> set[int]:
    """What was closed by recovery, with its end."""
    found = rows(
        database,
        f"SELECT id FROM public.{table}"
        " WHERE state = 'lost' AND ended_at < now() - interval '59 minutes'",
    )
    return {id_ for (id_,) in found}


def test_the_document_closes_an_execution_then_its_tasks_and_both_are_undone(
    database: EmbeddedDatabase, config: Path
) -> None:
    folder = config.parent
    before = [rows(database, f"SELECT * FROM public.{each}") for each in ("executions", "tasks")]
    assert run("check", "-c", config, folder=folder).returncode == 0

    early = run("recover", "tasks", "--yes", "-c", config, folder=folder)
    assert early.returncode == 0, early.stdout + early.stderr
    assert lost(database, "tasks") == {21}  # of the execution that has ended, and no other

    documented = [each for each in commands(SECTION, "session-exporter") if "--yes" in each]
    assert [each[1] for each in documented] == ["executions", "tasks"]
    for command in documented:
        done = run(*command, "-c", config, folder=folder)
        assert done.returncode == 0, done.stdout + done.stderr
    assert lost(database, "executions") == {1}
    assert lost(database, "tasks") == {11, 12, 21}

    listed = run("runs", "--format", "json", "-c", config, folder=folder)
    for each in json.loads(listed.stdout):  # the newest first
        undone = run("undo", each["run"], "--yes", "-c", config, folder=folder)
        assert undone.returncode == 0, undone.stdout + undone.stderr
    after = [rows(database, f"SELECT * FROM public.{each}") for each in ("executions", "tasks")]
    assert [sorted(each) for each in after] == [sorted(each) for each in before]
