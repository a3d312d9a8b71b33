"""Every command: what it prints, where, and its exit code."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from exporter import __version__
from exporter.config import load_config
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    PROGRAM,
    Page,
    environment,
    run,
    write_config,
)

EXAMPLE = Path(__file__).parents[3] / "config.yaml"

TRANSCRIPTS = {
    "table": "coaching.transcripts",
    "active": "status = 'processing'",
    "started_at": "created_at",
    "last_seen_at": "updated_at",
    "orphaned_after": "10m",
}


@pytest.fixture
def orphans(database: EmbeddedDatabase) -> None:
    """Conversations that are 30 minutes, 90 minutes and 3 hours old, and one that has ended."""
    with database.connect() as connection:
        connection.execute("""
            INSERT INTO conversations.conversation_sessions
                (session_id, user_id, is_active, session_start, session_end, duration_seconds)
            SELECT ('00000000-0000-0000-0000-' || lpad(m::text, 12, '0'))::uuid, 'user ' || m,
                m <> 200, now() - make_interval(mins => m),
                CASE m WHEN 200 THEN now() END, CASE m WHEN 200 THEN 12000 END
            FROM unnest(ARRAY[30, 90, 180, 200]) AS m
        """)


@pytest.fixture
def with_a_broken_source(database: EmbeddedDatabase, tmp_path: Path) -> Path:
    broken = {**CONVERSATIONS, "ended_at": "ended"}
    return write_config(
        tmp_path,
        {"app": {"dsn": database.dsn_for(EXPORTER), **IMPATIENT}},
        {"broken": broken, "conversations": CONVERSATIONS},
    )


# check, schema, --version


def test_check_says_how_much_a_valid_file_declares(tmp_path: Path) -> None:
    done = run("check", "-c", EXAMPLE, folder=tmp_path, DATABASE_URL="postgresql://u:hidden@h/d")
    assert (done.returncode, done.stderr) == (0, "")
    config = load_config(EXAMPLE, {"DATABASE_URL": ""})
    sources, digest = config.sources.values(), config.digest
    series = sum(source.series() for source in sources)
    assert done.stdout == (
        f"{EXAMPLE} is valid (sources: {len(sources)}, databases: 1, "
        f"at most {series} time series about sessions, hash {digest})\n"
        "! sources.conversations: objective 99 % needs about 400 sessions in 28 days; "
        "`check --live` counts them\n"
    )
    assert "hidden" not in done.stdout


def test_python_m_exporter_is_the_same_command(tmp_path: Path) -> None:
    module = subprocess.run(
        [sys.executable, "-m", "exporter", "--version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (module.returncode, module.stderr) == (0, "")
    assert module.stdout == run("--version", folder=tmp_path).stdout


def test_check_connects_to_nothing(tmp_path: Path) -> None:
    path = write_config(tmp_path, {"app": {"dsn": "host=127.0.0.1 port=1"}}, {"c": CONVERSATIONS})
    assert run("check", "-c", path, folder=tmp_path).returncode == 0


def test_check_prints_every_problem_to_stderr(tmp_path: Path) -> None:
    path = write_config(tmp_path, {"app": {"dsn": ""}}, {"c": {**CONVERSATIONS, "every": "0s"}})
    path.write_text(path.read_text() + "unknown: 1\n")
    done = run("check", "-c", path, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "sources.c.every: expected a duration longer than 0" in done.stderr
    assert ": unknown: " in done.stderr


def test_schema_prints_a_json_schema_that_the_example_satisfies(tmp_path: Path) -> None:
    done = run("schema", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    schema = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(EXAMPLE.read_text()), schema)


def test_version(tmp_path: Path) -> None:
    done = run("--version", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"session-exporter {__version__}\n",
        "",
    )


# once


def test_once_prints_a_table(config: Path, orphans: None, tmp_path: Path) -> None:
    done = run("once", "-c", config, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    header, row, *_ = (line.split() for line in done.stdout.splitlines())
    assert header[:4] == ["source", "database", "active", "orphaned_count"]
    assert row[:4] == ["conversations", "app", "3", "1"]
    assert "conversations (app) by day of the start" in done.stdout


def test_once_prints_the_page_in_the_text_format(
    config: Path, orphans: None, tmp_path: Path
) -> None:
    done = run("once", "-c", config, "--format", "prometheus", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    page = Page(done.stdout)
    assert page.value("sessions_active", source="conversations") == 3
    assert page.value("sessions_orphaned", source="conversations") == 1
    assert page.succeeds("conversations", collector="size")


def test_once_prints_the_page_in_the_openmetrics_format(
    config: Path, orphans: None, tmp_path: Path
) -> None:
    done = run("once", "-c", config, "--format", "openmetrics", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("# EOF\n")
    values = {family.name: family.samples[0].value for family in openmetrics(done.stdout)}
    assert values["sessions_orphaned"] == 1


@pytest.mark.quick("table", "openmetrics")
@pytest.mark.parametrize("format_", ["table", "prometheus", "openmetrics"])
def test_once_prints_the_others_when_a_source_failed_and_exits_1(
    with_a_broken_source: Path, orphans: None, tmp_path: Path, format_: str
) -> None:
    done = run("once", "-c", with_a_broken_source, "--format", format_, folder=tmp_path)
    assert done.returncode == 1
    if format_ == "table":
        rows = [line.split() for line in done.stdout.splitlines()[1:3]]
        assert rows[0] == ["broken", "app", "-", "-", "-", "-", "-", "-"]
        assert rows[1][:4] == ["conversations", "app", "3", "1"]
    else:
        assert 'sessions_active{database="app",source="conversations"} 3\n' in done.stdout
        assert 'sessions_active{database="app",source="broken"}' not in done.stdout
        failed = 'success{database="app",source="broken",collector="active"} 0\n'
        assert f"session_exporter_collection_{failed}" in done.stdout


def test_once_says_in_sentences_what_failed_and_nothing_else(
    with_a_broken_source: Path, tmp_path: Path
) -> None:
    done = run("once", "-c", with_a_broken_source, folder=tmp_path)
    assert "conversations.conversation_sessions has no column ended; did you mean" in done.stderr
    for line in done.stderr.splitlines():
        assert line.startswith("session-exporter: broken (app)"), done.stderr


# orphans


def test_orphans_lists_the_rows_behind_the_number(
    config: Path, orphans: None, tmp_path: Path
) -> None:
    done = run("orphans", "conversations", "-c", config, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    title, header, *rows = done.stdout.splitlines()
    assert title == "conversations (app): orphaned_count 1, not seen for more than 2h"
    assert header.split() == ["id", "last", "seen", "silent", "for", "age"]
    assert len(rows) == 1
    assert rows[0].startswith("00000000-0000-0000-0000-000000000180 ")
    assert rows[0].split()[3:] == ["3h", "0m", "3h", "0m"]
    assert "user 180" not in done.stdout  # shown only where `show` says so


def test_orphans_takes_another_age(config: Path, orphans: None, tmp_path: Path) -> None:
    done = run("orphans", "conversations", "-c", config, "--older-than", "1h", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    title, _, *rows = done.stdout.splitlines()
    assert title == (
        "conversations (app): orphaned_count 2, not seen for more than 1h; orphaned_after is 2h: "
        "not all are orphaned"
    )
    assert [row.split()[0][-3:] for row in rows] == ["180", "090"]  # longest silent first


def test_orphans_says_how_many_more_there_are(config: Path, orphans: None, tmp_path: Path) -> None:
    arguments = ("orphans", "-c", config, "--older-than", "10m", "--limit", "1")
    done = run(*arguments, folder=tmp_path)
    title, _, row, more = done.stdout.splitlines()
    assert "orphaned_count 3," in title
    assert row.startswith("00000000-0000-0000-0000-000000000180 ")
    assert more == "… and 2 more; --limit 3 shows all"


def test_orphans_prints_json(database: EmbeddedDatabase, orphans: None, tmp_path: Path) -> None:
    app = {"dsn": database.dsn_for(EXPORTER)}
    shown = {**CONVERSATIONS, "show": ["user_id"]}
    path = write_config(tmp_path, {"app": app}, {"conversations": shown})
    done = run("orphans", "conversations", "-c", path, "--format", "json", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (source,) = json.loads(done.stdout)
    (orphan,) = source.pop("orphans")
    assert source == {
        "source": "conversations",
        "database": "app",
        "older_than_seconds": 7200,
        "orphaned_count": 1,
    }
    assert orphan.pop("id") == "00000000-0000-0000-0000-000000000180"
    assert orphan.pop("show") == {"user_id": "user 180"}
    assert orphan.pop("silence_seconds") == pytest.approx(3 * 3600, abs=60)
    assert orphan.pop("age_seconds") == pytest.approx(3 * 3600, abs=60)
    assert orphan.pop("orphaned_after_seconds") == 7200
    assert set(orphan) == {"last_seen_at"}


def test_orphans_does_without_an_id(database: EmbeddedDatabase, tmp_path: Path) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO coaching.transcripts (id, status, created_at)"
            " VALUES (gen_random_uuid(), 'processing', now() - interval '1 day')"
        )
    app = {"dsn": database.dsn_for(EXPORTER)}
    path = write_config(tmp_path, {"app": app}, {"transcripts": TRANSCRIPTS})
    done = run("orphans", "-c", path, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2].startswith("-   ")
    done = run("orphans", "-c", path, "--format", "json", folder=tmp_path)
    assert json.loads(done.stdout)[0]["orphans"][0]["id"] is None


def test_orphans_of_all_sources_lists_the_others_when_one_fails(
    with_a_broken_source: Path, orphans: None, tmp_path: Path
) -> None:
    done = run("orphans", "-c", with_a_broken_source, folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("conversations (app): orphaned_count 1,")
    assert done.stderr.startswith("session-exporter: broken (app): ended_at: ")
    done = run("orphans", "-c", with_a_broken_source, "--format", "json", folder=tmp_path)
    assert done.returncode == 1
    assert [each["source"] for each in json.loads(done.stdout)] == ["conversations"]


def test_orphans_names_the_expression_that_a_value_does_not_fit(
    database: EmbeddedDatabase, orphans: None, tmp_path: Path
) -> None:
    source = {**CONVERSATIONS, "last_seen_at": "(s.user_id)::timestamptz"}
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT}
    config = write_config(tmp_path, {"app": app}, {"conversations": source})
    done = run("orphans", "-c", config, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("session-exporter: conversations (app): last_seen_at: ")
    assert "user 30" not in done.stderr


def test_an_escape_sequence_in_a_column_does_not_reach_the_terminal(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO conversations.conversation_sessions (session_id, user_id, session_start)"
            r" VALUES (gen_random_uuid(), E'\x1b[2J\u202eevil\nline', now() - interval '1 day')"
        )
    shown = {**CONVERSATIONS, "show": ["user_id"]}
    path = write_config(tmp_path, {"app": {"dsn": database.dsn_for(EXPORTER)}}, {"c": shown})
    done = run("orphans", "-c", path, folder=tmp_path)
    assert done.stdout.splitlines()[2].endswith(r"\x1b[2J\u202eevil\nline")


# sql


def test_sql_index_prints_commands_that_postgresql_accepts_and_that_then_serve(
    database: EmbeddedDatabase, config: Path, tmp_path: Path
) -> None:
    with database.connect() as connection:
        names = connection.execute(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisprimary"
            " AND indrelid = 'conversations.conversation_sessions'::regclass"
        ).fetchall()
        for (name,) in names:
            connection.execute(f"DROP INDEX {name}".encode())
        done = run("sql", "index", "conversations", "-c", config, folder=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert "collector active has no index that serves it" in done.stdout
        assert "collector daily has no index that serves it" in done.stdout
        commands = [line for line in done.stdout.splitlines() if not line.startswith("--")]
        for command in "\n".join(commands).split(";")[:-1]:
            connection.execute(command.encode())
    done = run("sql", "index", "conversations", "-c", config, folder=tmp_path)
    assert "collector active is served by an index already" in done.stdout
    assert all(line.startswith("--") for line in done.stdout.splitlines())


def test_sql_role_prints_a_role_with_which_collection_succeeds(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    superuser = write_config(tmp_path, {"app": {"dsn": database.dsn}}, {"c": CONVERSATIONS})
    done = run("sql", "role", "-c", superuser, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "CREATE ROLE session_exporter LOGIN;" in done.stdout
    role = f"{database.name}_reader"
    script = done.stdout.replace("session_exporter", role)
    script = script.replace(f"CREATE ROLE {role} LOGIN", f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    with database.connect() as connection:
        for _ in range(2):  # it may be run twice
            connection.execute(script.encode())
        try:
            dsn = database.server.dsn(database.name, user=role, password="x")
            path = write_config(tmp_path, {"app": {"dsn": dsn}}, {"c": CONVERSATIONS})
            assert run("once", "-c", path, folder=tmp_path).returncode == 0
        finally:
            connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


# wrong usage


@pytest.mark.quick("arguments0", "arguments1", "arguments3", "arguments5")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Usage: session-exporter"),
        (("frobnicate",), "No such command 'frobnicate'."),
        (("--frobnicate",), "No such option: --frobnicate"),
        (("once", "--format", "xml"), "'xml' is not one of 'prometheus', 'openmetrics', 'table'"),
        (("orphans", "--limit", "0"), "Invalid value for '--limit'"),
        (("sql", "index"), "Missing argument 'SOURCE'."),
        (("sql", "frobnicate"), "No such command 'frobnicate'."),
        (("schema", "extra"), "unexpected extra argument"),
    ],
)
def test_wrong_usage_exits_2(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


@pytest.mark.quick("arguments0", "arguments3", "arguments5")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("orphans", "conversation"),
            "declares no source conversation; did you mean conversations?",
        ),
        (("orphans", "xyz"), "declares no source xyz; it has conversations"),
        (("sql", "index", "conversatoins"), "did you mean conversations?"),
        (
            ("orphans", "--older-than", "60"),
            "--older-than: expected a duration such as 30s, 10m, 2h or 7d, got '60'",
        ),
        (("orphans", "--older-than", "0s"), "--older-than: expected a duration longer than 0"),
        (
            ("run", "--web.listen-address", "localhost"),
            "--web.listen-address: expected [HOST]:PORT such as :10046 or 127.0.0.1:10046, got ",
        ),
    ],
)
def test_what_does_not_fit_the_config_or_the_form_exits_2(
    config: Path, arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    done = run(*arguments, "-c", config, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("session-exporter: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


# pipes


@pytest.mark.quick("arguments0")
@pytest.mark.parametrize(
    "arguments", [("schema",), ("--version",), ("once",), ("once", "--format", "prometheus")]
)
def test_a_reader_that_goes_away_leaves_no_traceback(
    config: Path, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    options: list[Any] = ["-c", config] if arguments[0] == "once" else []
    process = subprocess.Popen(
        [PROGRAM, *arguments, *options],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()  # before anything is written: `| true` could not be quicker
    _, errors = process.communicate(timeout=60)
    assert errors == b""
    assert process.returncode == 0


def test_head_gets_its_line(config: Path, tmp_path: Path) -> None:
    command = f"'{PROGRAM}' once -c '{config}' --format prometheus | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("# HELP sessions_active ")
    assert done.stdout.count("\n") == 1


def test_check_live_speaks_json(database: EmbeddedDatabase, tmp_path: Path) -> None:
    config = write_config(tmp_path, {"app": {"dsn": database.dsn}}, {"chats": CONVERSATIONS})
    done = run("check", "--live", "--format", "json", "-c", config, folder=tmp_path)
    findings = json.loads(done.stdout)
    assert done.returncode == 0
    assert {each["status"] for each in findings} <= {"ok", "warning"}
    assert {"database", "source", "check", "status", "message", "commands"} == set(findings[0])


def test_a_cross_in_json_has_its_commands_and_exit_code_1(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    with database.connect() as connection:
        connection.execute("CREATE TABLE public.bare (is_open bool, started timestamptz)")
        connection.execute("INSERT INTO public.bare SELECT FROM generate_series(1, 200000)")
        connection.execute(f"GRANT SELECT ON public.bare TO {EXPORTER}")
    bare = {"active": "is_open", "started_at": "started", "orphaned_after": "2h"}
    sources = {
        "bare": {**bare, "table": "public.bare"},
        "gone": {**bare, "table": "public.gone"},
    }
    config = write_config(tmp_path, {"app": {"dsn": database.dsn_for(EXPORTER)}}, sources)
    done = run("check", "--live", "--format", "json", "-c", config, folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    crosses = [each for each in json.loads(done.stdout) if each["status"] == "failed"]
    assert [(each["source"], each["check"]) for each in crosses] == [
        ("bare", "index for active"),
        ("bare", "index for daily"),
        ("gone", "schema"),
    ]
    for each in crosses[:2]:
        assert each["commands"][0].startswith("CREATE INDEX CONCURRENTLY")
    assert "there is no table or view public.gone" in crosses[2]["message"]
    assert crosses[2]["commands"] == []


@pytest.mark.quick("table")
@pytest.mark.parametrize("format_", ["table", "json"])
def test_check_live_says_once_that_it_cannot_connect(
    database: EmbeddedDatabase, tmp_path: Path, format_: str
) -> None:
    closed = database.dsn.replace(f":{database.server.port}/", ":1/")
    config = write_config(tmp_path, {"app": {"dsn": closed}}, {"chats": CONVERSATIONS})
    done = run("check", "--live", "--format", format_, "-c", config, folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.count("cannot connect to database app") == 1
