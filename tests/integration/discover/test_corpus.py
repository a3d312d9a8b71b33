"""`init` on the tables of real applications: what it writes is right, or it asks."""

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.corpus.cases import load_cases, read_cases
from tests.support.servers.statements import rows

HALVES = ("open", "set_aside")


@pytest.mark.slow  # a thousand rows in each of fifty tables; the tests of init use one of their own
@pytest.mark.parametrize("half", HALVES)
def test_the_answers_of_the_corpus_fit_its_rows(database: EmbeddedDatabase, half: str) -> None:
    """Whichever of the right conditions is taken, it selects as many sessions."""
    cases = read_cases(half)
    load_cases(database, cases)
    for case in cases:
        for schema in case.places:
            for relation, right in case.sessions.items():
                table = f'"{schema}"."{relation}"'
                counted = {
                    rows(database, f"SELECT count(*) FROM {table} AS s WHERE {condition}")[0][0]
                    for condition in right["active"]
                }
                assert len(counted) == 1, f"{table}: {counted}"
                assert 0 < counted.pop() < 1000
            for relation in case.look_alikes:
                assert rows(database, f'SELECT count(*) FROM "{schema}"."{relation}"')[0][0] > 0
