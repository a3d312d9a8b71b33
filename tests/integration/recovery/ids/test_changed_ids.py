"""An `id` that is changed to as many other columns: its audit names no other session."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.servers.statements import execute, rows

Command = Callable[..., str]

#: Two sessions, one of which the application has ended: each has the id of the other, turned round.
MIRRORED = """
CREATE TABLE public.it (
    a text NOT NULL, b text NOT NULL, is_open bool, started timestamptz, seen timestamptz,
    PRIMARY KEY (a, b)
);
INSERT INTO public.it
SELECT a, b, a = '1', now() - interval '9 hours', now() - interval '3 hours'
FROM (VALUES ('1', '2'), ('2', '1')) AS x (a, b)
"""


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.fixture
def closed(any_database: EmbeddedDatabase, command: Command) -> str:
    """The run that has closed the session (1, 2)."""
    execute(any_database, *MIRRORED.split(";"))
    command("recover", "it", "--yes", "--despite-brake")
    ((run,),) = rows(any_database, "SELECT run::text FROM session_exporter.run")
    return str(run)


def open_ones(database: EmbeddedDatabase, columns: str = "a, b") -> list[tuple[str, ...]]:
    return rows(database, f"SELECT {columns} FROM public.it WHERE is_open")


def test_undo_leaves_the_session_alone_that_has_the_same_values_in_another_order(
    any_database: EmbeddedDatabase, command: Command, closed: str
) -> None:
    printed = command("undo", closed, "--yes", id=["b", "a"])
    assert "1 is left alone: audited by another id than the config has now" in printed
    assert open_ones(any_database) == []
    command("undo", closed, "--yes")
    assert open_ones(any_database) == [("1", "2")]


def test_a_function_undoes_nothing_by_an_id_in_another_order(
    any_database: EmbeddedDatabase, command: Command, config_of: Callable[..., Path], closed: str
) -> None:
    recovery = {"set": {"is_open": "false"}, "call": "session_exporter.recover_it"}
    turned = {"id": ["b", "a"], "recovery": recovery}
    for name in (["role"], ["function", "it"]):
        execute(any_database, command("sql", *name, **turned))
    numbers = "SELECT array_agg(number) FROM session_exporter.recovery"
    assert rows(any_database, f"SELECT session_exporter.undo_it(({numbers}))") == []
    assert open_ones(any_database) == []


def test_a_session_is_restored_after_a_column_of_its_id_was_renamed(
    any_database: EmbeddedDatabase, command: Command, closed: str
) -> None:
    execute(any_database, "ALTER TABLE public.it RENAME a TO c")
    command("undo", closed, "--yes", id=["c", "b"])
    assert open_ones(any_database, "c, b") == [("1", "2")]


def test_what_was_audited_before_runs_had_their_id_is_restored(
    any_database: EmbeddedDatabase, command: Command, closed: str
) -> None:
    execute(any_database, "UPDATE session_exporter.run SET rule = rule - 'id'")
    command("undo", closed, "--yes")
    assert open_ones(any_database) == [("1", "2")]
