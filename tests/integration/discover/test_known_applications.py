"""What is known of applications, on their own tables with rows of which the numbers are known."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from psycopg import sql

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.discover.known import KnownApplication, find_application, known_applications
from tests.support.corpus.cases import load_cases, read_cases
from tests.support.processes.session_exporter import Page, run, write_config
from tests.support.servers.statements import rows

#: Session tables of which everything is tested elsewhere too.
EARLIER = Path(__file__).parents[1] / "applications" / "known"

#: The metrics of a case that say whether its table was understood.
COUNTED = ("active", "orphaned", "overlong")


#: Scripts that create a schema of their own name for the table.
OWN_SCHEMAS = {"abp": "My-App 2", "pgboss": "pgboss", "quartz": "qrtz"}

Numbers = Mapping[str, float]


def load_earlier(database: EmbeddedDatabase) -> dict[str, Numbers]:
    """Create each of the tables in a schema of its own; return the numbers of each schema."""
    expected = dict[str, Numbers]()
    with database.connect() as connection:
        for folder in sorted(EARLIER.iterdir()):
            name = sql.Identifier(f"case_{folder.name}")
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
            connection.execute(sql.SQL("SET search_path TO {}").format(name))
            connection.execute((folder / "schema.sql").read_bytes())
            answers = yaml.safe_load((folder / "expected.yaml").read_text(encoding="utf-8"))
            (numbers,) = answers["metrics"].values()
            schema = OWN_SCHEMAS.get(folder.name, f"case_{folder.name}")
            expected[schema] = {each: numbers[each] for each in COUNTED if each in numbers}
    return expected


def recognised(database: EmbeddedDatabase) -> Iterator[tuple[str, KnownApplication]]:
    """The schema of each relation that is the session table of an application."""
    found = rows(
        database,
        "SELECT n.nspname, c.relname, array_agg(a.attname::text)"
        " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " JOIN pg_attribute AS a ON a.attrelid = c.oid"
        " WHERE c.relkind IN ('r', 'p', 'v') AND a.attnum > 0 GROUP BY 1, 2",
    )
    for schema, name, columns in found:
        if application := find_application(name, columns):
            yield schema, application


@pytest.mark.slow  # fifteen applications; unit tests read all of them as config
def test_init_declares_known_applications_and_nothing_else_of_theirs(
    empty_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    load_earlier(empty_database)
    load_cases(empty_database, read_cases("known"))
    printed = run("init", empty_database.dsn, "--format", "json", folder=tmp_path)
    assert printed.returncode == 0, printed.stderr
    found = {
        (each["schema"], each["relation"]): each for each in json.loads(printed.stdout)["sources"]
    }
    for schema, application in recognised(empty_database):
        source = found.pop((schema, application.table))
        assert source["status"] == "live", source
        assert source["application"].startswith(application.name)
        assert application.settings_in(schema).items() <= source["settings"].items()
        assert source["recovery"] == {"set": {}, "left_out": application.closing}
    assert found == {}
    assert run("init", empty_database.dsn, folder=tmp_path).returncode == 0
    checked = run("check", "--live", folder=tmp_path, DATABASE_URL=empty_database.dsn)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.slow  # as above
def test_the_tables_of_known_applications_are_counted_right(
    empty_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    expected, cases = load_earlier(empty_database), read_cases("known")
    load_cases(empty_database, cases)
    expected |= {case.name: numbers for case in cases for numbers in case.sessions.values()}
    found = list(recognised(empty_database))
    assert len(found) == len(known_applications())
    sources: dict[str, Any] = {}
    numbers: dict[str, Numbers] = {}
    for schema, application in found:
        name = f"source_{len(sources)}"
        threshold = {"orphaned_after": application.threshold} if application.threshold else {}
        table = {"table": f'"{schema}"."{application.table}"'}
        sources[name] = table | application.settings_in(schema) | threshold
        numbers[name] = expected[schema]
    path = write_config(tmp_path, {"app": {"dsn": empty_database.dsn}}, sources)
    checked = run("check", "--live", "-c", path, folder=tmp_path)
    assert checked.returncode == 0, checked.stdout
    page = Page(run("once", "--format", "prometheus", "-c", path, folder=tmp_path).stdout)
    counted = {
        name: {each: page.value(f"sessions_{each}", source=name) for each in values}
        for name, values in numbers.items()
    }
    assert counted == numbers, {name: sources[name]["table"] for name in sources}
