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

#: Of each half: the most live lines that are wrong, and the least share of its session tables that
#: is found, or asked about. It should be 0 and 0.9 for both. Those of the half set aside are what
#: was measured, once, when nobody who works on `init` had read it: 1 wrong, and 11 of 13 found.
BOUNDS = (("open", 0, 0.9), ("set_aside", 1, 0.84))


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
@pytest.mark.parametrize(("half", "wrong", "recall"), BOUNDS)
def test_init_is_right_or_asks(
    empty_database: EmbeddedDatabase, tmp_path: Path, half: str, wrong: int, recall: float
) -> None:
    """Hardly a live line is wrong, most tables are found, and what is written can be used."""
    cases = read_cases(half)
    load_cases(empty_database, cases)
    printed = run("init", empty_database.dsn, "--format", "json", folder=tmp_path)
    assert printed.returncode == 0, printed.stderr
    findings = measure(empty_database, json.loads(printed.stdout), cases)
    assert len(findings.wrong) <= wrong, findings.wrong
    assert findings.recall >= recall, findings.missed
    written = run("init", empty_database.dsn, folder=tmp_path)
    assert written.returncode == 0, written.stderr
    checked = run("check", "--live", folder=tmp_path, DATABASE_URL=empty_database.dsn)
    assert checked.returncode == 0, checked.stdout
