"""`init` asks for nothing in a pipe, overwrites nothing, and says in a sentence what it cannot."""

import json
import re
from pathlib import Path

import pytest

from exporter.config import load_config
from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.session_exporter import run
from tests.support.servers.statements import execute, rows

#: Closed for 20 minutes each; the last three live, and one was lost.
VISITS = """
CREATE TABLE visits (
  id bigserial PRIMARY KEY, user_email text, status text NOT NULL,
  started_at timestamptz NOT NULL, ended_at timestamptz
);
INSERT INTO visits (user_email, status, started_at, ended_at)
  SELECT 'secret-' || g, 'over', now() - g * interval '1 hour', now() - g * interval '59 min'
  FROM generate_series(1, 120) AS g;
INSERT INTO visits (user_email, status, started_at)
  SELECT 'secret-' || g, 'live', now() - g * interval '1 min' FROM generate_series(1, 3) AS g
"""
#: A table of memberships or of sessions: nothing says of which.
STAFF = """
CREATE TABLE staff (id int PRIMARY KEY, started_at timestamptz NOT NULL, ended_at timestamptz)
"""


@pytest.fixture
def application(empty_database: EmbeddedDatabase) -> EmbeddedDatabase:
    execute(empty_database, VISITS, STAFF)
    return empty_database


def unwrapped(text: str) -> str:
    """Comments without their line breaks."""
    return re.sub(r"\n *# +", " ", text)


def refusal(folder: Path, *words: str | Path, exits: int = 1, **variables: str) -> str:
    """What a command says that writes nothing."""
    done = run("init", *words, folder=folder, **variables)
    assert (done.returncode, done.stdout) == (exits, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def test_the_file_names_a_variable_and_holds_no_secret_and_no_id(
    application: EmbeddedDatabase, tmp_path: Path
) -> None:
    done = run("init", application.dsn, folder=tmp_path)
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    assert "dsn: ${DATABASE_URL}\n" in text
    password = application.server.passwords["postgres"]
    for said in (text, done.stdout, done.stderr):
        assert password not in said
        assert "secret-" not in said
    assert "as the role postgres sees them" in unwrapped(text)
    assert "export DATABASE_URL=" in done.stdout
    steps = [line.split()[1:3] for line in done.stdout.splitlines() if "session-exporter " in line]
    assert steps == [["once", "#"], ["sql", "role"], ["check", "--live"], ["run", "#"]]


def test_nothing_is_written_to_the_database(application: EmbeddedDatabase, tmp_path: Path) -> None:
    written = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
    before = rows(application, "SELECT txid_current()"), rows(application, written)
    run("init", application.dsn, folder=tmp_path)
    after = rows(application, "SELECT txid_current()"), rows(application, written)
    assert after[1] == before[1]
    assert after[0][0][0] == before[0][0][0] + 1  # no transaction between them has got a number


def test_the_environment_of_libpq_says_where_the_database_is(
    application: EmbeddedDatabase, tmp_path: Path
) -> None:
    server = application.server
    environment = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "PGDATABASE": application.name,
        "PGUSER": "postgres",
        "PGPASSWORD": server.passwords["postgres"],
    }
    done = run("init", folder=tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    assert "export DATABASE_URL" not in done.stdout
    checked = run("check", "--live", folder=tmp_path, **environment)
    assert checked.returncode == 0, checked.stdout


def test_a_question_is_answered_by_a_flag(application: EmbeddedDatabase, tmp_path: Path) -> None:
    words = ("init", application.dsn, "-o", "-")
    asked = run(*words, folder=tmp_path).stdout
    assert "# QUESTION (active): no row says whether a session without ended_at" in asked
    assert "or run init with --accept staff or --omit staff" in unwrapped(asked)
    answers = {
        (): {"visits"},
        ("--accept", "staff"): {"visits", "staff"},
        ("--omit", "visits"): set(),
        ("--omit", "staff", "--set", "visits.orphaned_after=3h"): {"visits"},
    }
    path = tmp_path / "answered.yaml"
    for flags, names in answers.items():
        path.write_text(run(*words, *flags, folder=tmp_path).stdout, encoding="utf-8")
        sources = load_config(path, {"DATABASE_URL": ""}).sources
        assert sources.keys() == names
    assert sources["visits"].orphaned_after == 3 * 3600


def test_the_same_is_printed_as_json(application: EmbeddedDatabase, tmp_path: Path) -> None:
    done = run("init", application.dsn, "--format", "json", folder=tmp_path)
    found = {each["relation"]: each for each in json.loads(done.stdout)["sources"]}
    assert found["visits"]["status"] == "live"
    assert found["visits"]["settings"]["active"] == "status = 'live'"
    assert found["staff"]["status"] == "question"
    assert {each["key"] for each in found["staff"]["questions"]} >= {"active", "orphaned_after"}
    assert "password" not in done.stdout
    assert not (tmp_path / "config.yaml").exists()
    words = ("--format", "json", "-o", "found.json")
    assert run("init", application.dsn, *words, folder=tmp_path).stdout == ""
    assert json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["sources"]


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ("visits.orphaned_after=ten", 2, "--set visits.orphaned_after: "),
        ("staff.orphaned_after=ten", 2, "--set staff.orphaned_after: "),
        ("visits.active=a\x1bb", 2, "has a control character"),
        ("visits.active=nope IS NULL", 1, "visits with the values of --set fails"),
    ],
)
def test_an_answer_that_cannot_be_used_is_an_error(
    application: EmbeddedDatabase, tmp_path: Path, answer: str, code: int, said: str
) -> None:
    assert said in refusal(tmp_path, application.dsn, "--set", answer, exits=code)
    assert not (tmp_path / "config.yaml").exists()


def test_numbers_that_are_no_times_are_named_as_the_reason(
    empty_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(
        empty_database,
        "CREATE TABLE b (id int PRIMARY KEY, start_time float8, end_time float8)",
        "INSERT INTO b SELECT g, 'NaN', 'infinity' FROM generate_series(1, 20) AS g",
    )
    printed = run("init", empty_database.dsn, "-o", "-", folder=tmp_path).stdout
    assert "the values of start_time are no times in any known unit" in unwrapped(printed)


def test_no_file_is_overwritten(application: EmbeddedDatabase, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("mine", encoding="utf-8")
    assert "config.yaml exists" in refusal(tmp_path, application.dsn)
    assert (tmp_path / "config.yaml").read_text(encoding="utf-8") == "mine"


def test_what_cannot_be_looked_at_is_said_in_a_sentence(
    application: EmbeddedDatabase, tmp_path: Path
) -> None:
    dsn = application.dsn
    password = application.server.passwords["postgres"]
    assert "which database?" in refusal(tmp_path, exits=2)
    said = refusal(tmp_path, dsn.replace(password, "hunter2"))
    assert "cannot connect: " in said
    assert "password authentication failed" in said
    assert "hunter2" not in said
    assert "no such table" in refusal(tmp_path, dsn, "--table", "nothing")
    assert "--set: expected SOURCE.KEY=VALUE" in refusal(tmp_path, dsn, "--set", "x", exits=2)
    assert "found no source x" in refusal(tmp_path, dsn, "--accept", "x", exits=2)
    execute(application, "DROP TABLE visits, staff")
    assert "has no table" in refusal(tmp_path, dsn)


def test_a_role_without_rights_is_told_what_it_did_not_see(
    application: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(
        application,
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {application.name} TO session_exporter",
    )
    dsn = application.dsn_for("session_exporter")
    printed = run("init", dsn, "-o", "-", folder=tmp_path).stdout
    said = (
        "Not seen: the role session_exporter may read none of the 2 tables that may hold sessions"
    )
    assert said in unwrapped(printed)
    assert "\nsources: {}" in printed
    execute(application, "GRANT SELECT ON visits TO session_exporter")
    printed = run("init", dsn, "-o", "-", folder=tmp_path).stdout
    assert "Not seen: session_exporter may not read public.staff;" in unwrapped(printed)
    assert "\n  visits:" in printed


def test_row_level_security_makes_a_table_a_question(
    application: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(
        application,
        "GRANT SELECT ON visits TO session_exporter",
        "ALTER TABLE visits ENABLE ROW LEVEL SECURITY",
    )
    dsn = application.dsn_for("session_exporter")
    printed = run("init", dsn, "-o", "-", "--table", "visits", folder=tmp_path).stdout
    assert "row-level security may hide rows of public.visits" in unwrapped(printed)
    assert "\n  # visits:" in printed


def test_a_heartbeat_that_no_row_has_is_only_suggested(
    empty_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(empty_database, VISITS, "ALTER TABLE visits ADD COLUMN last_heartbeat_at timestamptz")
    assert run("init", empty_database.dsn, folder=tmp_path).returncode == 0
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    source = load_config(tmp_path / "config.yaml", {"DATABASE_URL": empty_database.dsn})
    assert source.sources["visits"].last_seen_at is None
    assert "# last_seen_at: last_heartbeat_at" in text
    assert "overlong_after" not in text


def test_a_large_table_without_an_index_is_no_doubtful_one(
    empty_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    table, *newest = VISITS.split(";")
    oldest = (
        "INSERT INTO visits (status, started_at, ended_at)"
        " SELECT 'over', now() - g * interval '1 min', now() - g * interval '1 min' + '50 min'"
        " FROM generate_series(7300, 110000) AS g"
    )
    execute(empty_database, table, oldest, *newest, "ANALYZE visits")
    variables = {"SESSION_EXPORTER_CONFIG": str(tmp_path / "app.yaml")}
    done = run("init", empty_database.dsn, folder=tmp_path, **variables)
    assert "  visits: public.visits, active: " in done.stdout
    assert " -c " not in done.stdout
    assert (tmp_path / "app.yaml").is_file()
