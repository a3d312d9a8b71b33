"""`init` on the tables of real applications: what it writes is right, or it asks."""

import json
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.corpus.cases import load_cases, read_cases
from tests.support.corpus.measure import measure
from tests.support.processes.session_exporter import run
from tests.support.servers.statements import rows

HALVES = ("open", "set_aside")

#: The least share of the session tables that is found, or asked about. The half that was set aside
#: was measured once before anybody who works on `init` had read it: 1 wrong live line, and 11 of 13
#: found. What it showed is fixed since, so that it tells nothing new.
RECALL = 0.9


@pytest.mark.slow  # a thousand rows in each of fifty tables; the tests of init use one of their own
@pytest.mark.parametrize("half", HALVES)
def test_the_answers_of_the_corpus_fit_its_rows(
    empty_database: EmbeddedDatabase, half: str
) -> None:
    """Whichever of the right conditions is taken, it selects as many sessions."""
    cases = read_cases(half)
    load_cases(empty_database, cases)
    for case in cases:
        for schema in case.places:
            for relation, right in case.sessions.items():
                table = f'"{schema}"."{relation}"'
                counted = {
                    rows(empty_database, f"SELECT count(*) FROM {table} AS s WHERE {condition}")[0][
                        0
                    ]
                    for condition in right["active"]
                }
                assert len(counted) == 1, f"{table}: {counted}"
                assert 0 < counted.pop() < 1000
            for relation in case.look_alikes:
                assert (
                    rows(empty_database, f'SELECT count(*) FROM "{schema}"."{relation}"')[0][0] > 0
                )


@pytest.mark.slow  # as above
@pytest.mark.parametrize("half", HALVES)
def test_init_is_right_or_asks(empty_database: EmbeddedDatabase, tmp_path: Path, half: str) -> None:
    """No live line is wrong, nine of ten tables are found, and what is written can be used."""
    cases = read_cases(half)
    load_cases(empty_database, cases)
    printed = run("init", empty_database.dsn, "--format", "json", folder=tmp_path)
    assert printed.returncode == 0, printed.stderr
    findings = measure(empty_database, json.loads(printed.stdout), cases)
    assert findings.wrong == []
    assert findings.recall >= RECALL, findings.missed
    written = run("init", empty_database.dsn, folder=tmp_path)
    assert written.returncode == 0, written.stderr
    checked = run("check", "--live", folder=tmp_path, DATABASE_URL=empty_database.dsn)
    assert checked.returncode == 0, checked.stdout
