"""What `sql orphans`, `inconsistent` and `sessions` print gives in psql what the commands give."""

import csv
import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.psql import psql
from tests.support.servers.statements import execute

#: Ids and shown texts as a hostile user of an application may have written them, and local times.
TABLE = r"""
CREATE TABLE public."Chat's" (
    id text, state text, "Began" timestamp, ended timestamp, note text, secret text
);
INSERT INTO public."Chat's"
SELECT
    E'a \\ "b'' :n; -- ' || n, 'li''ve',
    now() AT TIME ZONE 'Asia/Kolkata' - n * interval '7 minutes',
    NULL, E'tab\t, \u00fcber %s {0} $$', 'x'
FROM generate_series(1, 40) AS n;
INSERT INTO public."Chat's" VALUES
    ('none', 'li''ve', NULL, NULL, NULL),
    ('over', 'li''ve', now() - interval '2 days', now() - interval '1 day', 'x'),
    ('no end', 'done', now() - interval '1 day', NULL, 'y');
"""
CHAT: dict[str, Any] = {
    "table": 'public."Chat\'s"',
    "active": "s.state = 'li''ve' AND 'ü\\' <> 'u'",
    "started_at": "Began",
    "ended_at": "ended",
    "timestamps_in": "Asia/Kolkata",
    "id": "id",
    "orphaned_after": "2h",
    "integrity": {"noted": "s.note LIKE '%:%'"},
    "show": ["note", {"n": "length(s.id) :: int"}],
}


@pytest.fixture
def chats(any_database: EmbeddedDatabase) -> EmbeddedDatabase:
    columns = 'id, state, "Began", ended, note'
    execute(any_database, TABLE, f'GRANT SELECT ({columns}) ON public."Chat\'s" TO {EXPORTER}')
    return any_database


def output(database: EmbeddedDatabase, folder: Path, *command: str) -> str:
    settings = {"dsn": database.dsn_for(EXPORTER)}
    config = write_config(folder, {"app": settings}, {"chat": CHAT})
    done = run(*command, "-c", config, folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def results(database: EmbeddedDatabase, script: str) -> list[list[dict[str, str]]]:
    """What psql shows of each query, as the role for collection; NULL is ~."""
    mark = "\n\\echo =====\n"
    marked = script.replace("\nCOMMIT;", f"{mark}COMMIT;").replace("\n-- ", f"{mark}-- ")
    options = ("--quiet", "--csv", "--pset=null=~")
    done = psql(database, marked, *options, role=EXPORTER)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    parts = done.stdout.split("=====\n")
    return [list(csv.DictReader(io.StringIO(part))) for part in parts if part]


def seconds(text: str) -> float | None:
    return None if text == "~" else dt.datetime.fromisoformat(text).timestamp()


def moment(text: str | None) -> float | None:
    """A time in JSON."""
    return None if text is None else dt.datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize("options", [(), ("--limit", "3"), ("--older-than", "1h")], ids=str)
def test_orphans_are_those_of_the_command(
    chats: EmbeddedDatabase, tmp_path: Path, options: tuple[str, ...]
) -> None:
    script = output(chats, tmp_path, "sql", "orphans", "chat", *options)
    ((counted,), listed) = results(chats, script)
    (wanted,) = json.loads(output(chats, tmp_path, "orphans", "--format", "json", *options))
    assert int(counted["count"]) == wanted["orphaned_count"] > 20
    assert [row["id"] for row in listed] == [orphan["id"] for orphan in wanted["orphans"]]
    for row, orphan in zip(listed, wanted["orphans"], strict=True):
        assert seconds(row["last_seen"]) == pytest.approx(moment(orphan["last_seen_at"]), abs=1e-3)
        assert row["note"] == orphan["show"]["note"]
        assert row["n"] == orphan["show"]["n"]
    assert list(listed[0]) == ["id", "last_seen", "silent_for", "age", "note", "n"]


@pytest.mark.parametrize("options", [(), ("--kind", "noted"), ("--limit", "1")], ids=str)
def test_inconsistent_rows_are_those_of_the_command(
    chats: EmbeddedDatabase, tmp_path: Path, options: tuple[str, ...]
) -> None:
    script = output(chats, tmp_path, "sql", "inconsistent", "chat", *options)
    found = results(chats, script)
    (wanted,) = json.loads(output(chats, tmp_path, "inconsistent", "--format", "json", *options))
    assert sum(int(rows[0]["count"]) for rows in found if rows) == wanted["count"]
    listed = [row for rows in found for row in rows][: len(wanted["rows"])]
    shown = [(row["kind"], row["id"], row["note"].replace("~", "")) for row in listed]
    assert shown == [
        (", ".join(row["kinds"]), row["id"], row["show"]["note"] or "") for row in wanted["rows"]
    ]
    for row, other in zip(listed, wanted["rows"], strict=True):
        for column in ("started", "last_seen", "ended"):
            wanted_at = moment(other[f"{column}_at"])
            assert seconds(row[column]) == pytest.approx(wanted_at, abs=1e-3)


def test_the_queries_only_read_and_have_the_deadlines_of_the_config(
    chats: EmbeddedDatabase, tmp_path: Path
) -> None:
    script = output(chats, tmp_path, "sql", "orphans", "chat")
    assert "READ ONLY;\nSET LOCAL statement_timeout = '5000';\nSET LOCAL lock_timeout" in script
    changing = script.replace("COMMIT;", 'DELETE FROM public."Chat\'s";\nCOMMIT;')
    done = psql(chats, changing)
    assert done.returncode == 3
    assert "cannot execute DELETE in a read-only transaction" in done.stderr


def test_the_variables_read_any_source_by_the_same_names(
    chats: EmbeddedDatabase, tmp_path: Path
) -> None:
    script = output(chats, tmp_path, "sql", "sessions", "chat")
    script += r"""
SELECT s.id, s.is_active, s.last_seen_at, s.note, s.n, :'source' AS source
FROM :sessions AS s WHERE s.is_orphaned ORDER BY s.last_seen_at;
SELECT count(*) FROM :table AS s WHERE :orphaned;
SELECT :'table'::regclass, count(*) FILTER (WHERE NOT s.is_active) FROM :sessions AS s;
"""
    done = psql(chats, script, "--quiet", "--csv", "--tuples-only", role=EXPORTER)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    *listed, counted, closed = csv.reader(io.StringIO(done.stdout))
    (wanted,) = json.loads(output(chats, tmp_path, "orphans", "--format", "json"))
    assert [(row[0], row[1], row[3], row[4], row[5]) for row in listed] == [
        (each["id"], "t", each["show"]["note"] or "", each["show"]["n"], "chat")
        for each in wanted["orphans"]
    ]
    for row, each in zip(listed, wanted["orphans"], strict=True):
        assert seconds(row[2]) == pytest.approx(moment(each["last_seen_at"]), abs=1e-3)
    assert int(counted[0]) == wanted["orphaned_count"] > 20
    assert closed == ['"Chat\'s"', "1"]


def test_they_only_read_for_as_long_as_the_daily_statistics_may(
    chats: EmbeddedDatabase, tmp_path: Path
) -> None:
    script = output(chats, tmp_path, "sql", "sessions", "chat")
    assert "SET statement_timeout = '30000';\nSET lock_timeout = '1000';\n" in script
    assert "SET TimeZone = 'Asia/Kolkata';\n" in script
    done = psql(chats, f"{script}\nSHOW search_path;", "--quiet", "--tuples-only", role=EXPORTER)
    assert done.stdout.strip() == '"$user", public'  # as the person has it


def test_an_index_on_the_start_serves_them(chats: EmbeddedDatabase, tmp_path: Path) -> None:
    execute(chats, "CREATE TABLE plain (id int, is_open bool, at timestamptz)")
    execute(chats, "CREATE INDEX plain_at ON plain (at)", f"GRANT SELECT ON plain TO {EXPORTER}")
    plain = {"table": "plain", "active": "is_open", "started_at": "at", "orphaned_after": "2h"}
    settings = {"app": {"dsn": chats.dsn_for(EXPORTER)}}
    config = write_config(tmp_path, settings, {"plain": plain})
    script = run("sql", "sessions", "plain", "-c", config, folder=tmp_path).stdout
    script += "SET enable_seqscan = off;\n"
    script += (
        "EXPLAIN SELECT count(*) FROM :sessions AS s WHERE s.started_at > now() - '1h'::interval;"
    )
    done = psql(chats, script, "--quiet", "--tuples-only", role=EXPORTER)
    assert "Index Cond: (at > (now() - '01:00:00'::interval))" in done.stdout
