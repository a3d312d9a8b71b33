"""Real answers of the API have the structure of the documented examples, field by field."""

from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.api.busy_exporter import ask, busy_exporter
from tests.support.api.reference import ENDPOINTS, fields_of, is_of_type, values_of

pytestmark = pytest.mark.slow  # a database with an audit for each; the document's test is quick


@pytest.fixture
def has_audit() -> bool:
    return True


async def test_each_field_of_an_answer_is_documented_and_of_its_type(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    async with busy_exporter(database, tmp_path) as exporter:
        for endpoint in ENDPOINTS:
            answer = await ask(exporter, endpoint)
            assert answer.status == 200
            types = fields_of(endpoint)
            found = list(values_of(answer.body, types))
            assert {path for path, _ in found} == types.keys(), endpoint
            wrong = {path: value for path, value in found if not is_of_type(value, types[path])}
            assert wrong == {}, endpoint
