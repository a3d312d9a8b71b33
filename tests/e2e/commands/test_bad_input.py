"""What a user reads when something is wrong, and that one bad source leaves the others alone."""

import re
import shutil
import socket
import zoneinfo
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    Page,
    run,
    write_config,
)

PASSWORD = "a-secret-that-nobody-may-read"

# Before anything is collected: the config file, and the address to listen on.


def rejected(path: Path | str, folder: Path, **variables: str) -> str:
    """What `check` and `run` both say about a config file; nothing is on stdout."""
    said = set()
    for command in ("check", "run"):
        done = run(command, "-c", path, folder=folder, **variables)
        assert (done.returncode, done.stdout) == (1, "")
        said.add(done.stderr)
    (sentence,) = said
    return sentence


def test_a_missing_config_file(tmp_path: Path) -> None:
    sentence = rejected("missing.yaml", tmp_path)
    assert sentence.startswith("session-exporter: missing.yaml: there is no such file; ")


def test_a_folder_instead_of_a_config_file(tmp_path: Path) -> None:
    sentence = rejected(".", tmp_path)
    assert sentence == "session-exporter: .: expected a file, got a directory\n"


def test_a_file_that_is_no_yaml(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("databases:\n  app: {dsn: ''\nsources:\n")
    sentence = rejected("config.yaml", tmp_path)
    assert re.match(r"session-exporter: config\.yaml:\d: ", sentence)
    assert "Mark" not in sentence  # the parser's own words


def test_an_environment_variable_that_is_not_set(tmp_path: Path) -> None:
    path = write_config(tmp_path, {"app": {"dsn": "${DATABASE_URL}"}}, {"c": CONVERSATIONS})
    assert rejected(path, tmp_path) == (
        f"session-exporter: {path}:3: databases.app.dsn: the environment variable DATABASE_URL is "
        "not set; set it, or give a default: ${DATABASE_URL:-...}\n"
    )


def test_a_password_file_that_is_not_there(tmp_path: Path) -> None:
    app = {"dsn": "", "password_file": "app.password"}
    path = write_config(tmp_path, {"app": app}, {"c": CONVERSATIONS})
    assert rejected(path, tmp_path) == (
        f"session-exporter: {path}:4: databases.app.password_file: expected the path of a file "
        "that can be read, got 'app.password'; there is no such file (a relative path begins at "
        "the folder of the config file)\n"
    )


def test_a_time_zone_that_does_not_exist(tmp_path: Path) -> None:
    source = {**CONVERSATIONS, "timezone": "Europe/Berln"}
    path = write_config(tmp_path, {"app": {"dsn": ""}}, {"c": source})
    sentence = rejected(path, tmp_path)
    assert ": sources.c.timezone: expected a time zone such as Europe/Berlin, " in sentence
    assert "got 'Europe/Berln'; did you mean Europe/Berlin?" in sentence


@pytest.mark.parametrize("command", ["check", "once", "run"])
def test_a_config_error_repeats_no_password(command: str, tmp_path: Path) -> None:
    app = {"dsn": f"postgresql://u:{PASSWORD}@h/d", "statement_timeout": "5"}
    path = write_config(tmp_path, {"app": app}, {"c": {**CONVERSATIONS, "every": "0s"}})
    done = run(command, "-c", path, folder=tmp_path)
    assert done.returncode == 1
    assert PASSWORD not in done.stderr + done.stdout


def test_a_port_in_use(config: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        done = run("run", "-c", config, "--web.listen-address", address, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"session-exporter: cannot listen on {address}: Address already in use; "
        "choose another address with --web.listen-address\n"
    )


def test_an_address_that_is_not_ours(config: Path, tmp_path: Path) -> None:
    done = run("run", "-c", config, "--web.listen-address", "192.0.2.1:80", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("session-exporter: cannot listen on 192.0.2.1:80: Cannot assign")


# What shows while collecting. Each is one source of several, and the others are served.

TABLE = """
    CREATE TABLE public.chats (
        id integer PRIMARY KEY, name text, live boolean, started timestamptz, ended timestamptz,
        local timestamp, epoch bigint
    );
    INSERT INTO public.chats VALUES
        (1, 'abc', true, now() - interval '3 hours', NULL, now(), 1700000000);
    GRANT SELECT ON public.chats TO session_exporter;
"""

SOURCE = {
    "database": "other",
    "table": "public.chats",
    "active": "live",
    "started_at": "started",
    "ended_at": "ended",
    "id": "id",
    "orphaned_after": "2h",
    "every": "250ms",
    "daily": {"days": 2, "every": "250ms"},
}

ALL = ("active", "daily", "size")

UNKNOWN_ZONE = "Mars/Olympus"


@dataclass(frozen=True)
class Bad:
    """One thing that is wrong with the source `broken` in the database `other`."""

    name: str
    reason: str
    says: tuple[str, ...]
    """What is in the sentence, in this order."""
    source: dict[str, Any] = field(default_factory=dict)
    database: dict[str, Any] = field(default_factory=dict)
    """{dsn}, {host} and {port} stand for those of the real database."""
    sql: str = ""
    failing: tuple[str, ...] = ALL
    is_alike: bool = False
    """Another sentence, but to the running daemon the same as the case before."""


CASES = (
    Bad(
        "no such host",
        "connect",
        ("cannot connect to database other: ", "'no.such.host.invalid'"),
        database={"dsn": f"postgresql://u:{PASSWORD}@no.such.host.invalid/d"},
    ),
    Bad(
        "a host name that cannot be one",
        "connect",
        ("cannot connect to database other: ",),
        database={"dsn": f"postgresql://u:{PASSWORD}@a..b/d"},
        is_alike=True,
    ),
    Bad(
        "a refused connection",
        "connect",
        ("cannot connect to database other: ", '"127.0.0.1", port 1 ', "Connection refused"),
        database={"dsn": f"postgresql://u:{PASSWORD}@127.0.0.1:1/d"},
    ),
    Bad(
        "no such database",
        "connect",
        ("cannot connect to database other: ", 'database "nowhere" does not exist'),
        database={"dsn": "{dsn}", "dbname": "nowhere"},
    ),
    Bad(
        "a wrong password",
        "auth",
        (
            "cannot connect to database other: ",
            'password authentication failed for user "session_exporter"',
        ),
        database={"dsn": f"postgresql://session_exporter:{PASSWORD}@{{host}}:{{port}}/d"},
    ),
    Bad(
        "a user that does not exist",
        "auth",
        ("cannot connect to database other: ", 'authentication failed for user "stranger"'),
        database={"dsn": f"postgresql://stranger:{PASSWORD}@{{host}}:{{port}}/d"},
        is_alike=True,
    ),
    Bad(
        "no password",
        "auth",
        ("cannot connect to database other: ", "no password supplied"),
        database={"dsn": "postgresql://session_exporter@{host}:{port}/d"},
        is_alike=True,
    ),
    Bad(
        "a password file that holds no text",
        "auth",
        ("databases.other.password_file: cannot read ", "binary.password: it is not UTF-8 text"),
        database={
            "dsn": "postgresql://session_exporter@{host}:{port}/d",
            "password_file": "binary.password",
        },
    ),
    Bad(
        "no such table",
        "schema",
        ("there is no table or view public.chat in this database; did you mean public.chats?",),
        source={"table": "public.chat"},
    ),
    Bad(
        "no such schema",
        "schema",
        ("there is no table or view pubic.chats in this database; did you mean public.chats?",),
        source={"table": "pubic.chats"},
        is_alike=True,
    ),
    Bad(
        "no such column",
        "schema",
        ("ended_at: public.chats has no column endd; did you mean ended?",),
        source={"ended_at": "endd"},
    ),
    Bad(
        "no such column in an expression",
        "schema",
        ("active: ", "column s.alive does not exist"),
        source={"active": "s.alive = 1"},
        is_alike=True,
    ),
    Bad(
        "a mistake in an expression",
        "schema",
        ("active: ", "syntax error"),
        source={"active": "s.live AND"},
        is_alike=True,
    ),
    Bad(
        "a condition that is none",
        "schema",
        (
            "active: expected a condition (boolean), got text; ",
            "write a comparison, for example s.state = 'open'",
        ),
        source={"active": "name"},
    ),
    Bad(
        "timestamps without a time zone",
        "schema",
        (
            "started_at: its timestamps carry no time zone; ",
            "set timestamps_in to the zone they are written in, for example timestamps_in: UTC",
        ),
        source={"started_at": "local"},
    ),
    Bad(
        "a number instead of a timestamp",
        "schema",
        (
            "started_at: expected a timestamp, got bigint; ",
            "since 1970 write started_at: {column: epoch, epoch: s}, or epoch: ms, us or ns",
        ),
        source={"started_at": "epoch"},
        is_alike=True,
    ),
    Bad(
        "a time zone of naive timestamps that PostgreSQL does not know",
        "schema",
        (UNKNOWN_ZONE,),
        source={"started_at": "local", "timestamps_in": UNKNOWN_ZONE},
    ),
    Bad(
        "a time zone of days that PostgreSQL does not know",
        "schema",
        ("time zone ", UNKNOWN_ZONE),
        source={"timezone": UNKNOWN_ZONE},
        failing=("daily",),
    ),
    Bad(
        "a table that may not be read",
        "permission",
        (
            "permission denied for table chats",
            "; `session-exporter sql role` prints the rights that are needed",
        ),
        sql="REVOKE SELECT ON public.chats FROM session_exporter",
    ),
    Bad(
        "a column that may not be read",
        "permission",
        (
            "permission denied for table chats",
            "; `session-exporter sql role` prints the rights that are needed",
        ),
        sql="REVOKE SELECT ON public.chats FROM session_exporter;"
        " GRANT SELECT (id, live, started) ON public.chats TO session_exporter",
        is_alike=True,
    ),
    Bad(
        "a schema that may not be used",
        "permission",
        ("permission denied for schema hidden", "; `session-exporter sql role` prints the rights"),
        sql="CREATE SCHEMA hidden; ALTER TABLE public.chats SET SCHEMA hidden",
        source={"table": "hidden.chats"},
        is_alike=True,
    ),
    Bad(
        "a policy that hides rows",
        "permission",
        (
            "row-level security",
            "this role does not see every row, so every count would be too low. ",
            "Give it BYPASSRLS, or a policy that shows it every row and row_security: trust",
        ),
        sql="ALTER TABLE public.chats ENABLE ROW LEVEL SECURITY;"
        " CREATE POLICY mine ON public.chats USING (name = current_user)",
    ),
    Bad(
        "a label whose value cannot be computed",
        "data",
        ("labels.kind_of: a text does not have the format of its type",),
        source={"labels": {"kind_of": {"value": "name::integer", "values": [1]}}},
        failing=("active", "daily"),
    ),
    Bad(
        "a slow expression",
        "timeout",
        ("statement timeout",),
        source={"where": "pg_sleep(5) IS NOT NULL", "daily": None},
        failing=("active",),
    ),
)


@dataclass(frozen=True)
class Setup:
    """The config with `healthy` and `broken`, and with `broken` alone."""

    both: Path
    alone: Path
    environ: dict[str, str]
    secrets: tuple[str, ...]


@pytest.fixture(
    params=[
        # What is alike to the program repeats the case before it with another sentence.
        pytest.param(case, id=case.name, marks=pytest.mark.slow if case.is_alike else ())
        for case in CASES
    ]
)
def bad(request: pytest.FixtureRequest) -> Bad:
    case = request.param
    assert isinstance(case, Bad)
    return case


@pytest.fixture
def setup(bad: Bad, database: EmbeddedDatabase, tmp_path: Path) -> Setup:
    with database.connect() as connection:
        connection.execute(TABLE.encode())
        connection.execute(bad.sql.encode())
    (tmp_path / "binary.password").write_bytes(b"\xff\xfe")
    dsn = database.dsn_for(EXPORTER)
    settings = {**IMPATIENT, "dsn": dsn, **bad.database}
    real = {"dsn": dsn, "host": "127.0.0.1", "port": str(database.server.port)}
    for name, text in real.items():
        settings["dsn"] = settings["dsn"].replace(f"{{{name}}}", text)
    if dbname := settings.pop("dbname", None):
        settings["dsn"] = settings["dsn"].replace(f"/{database.name}", f"/{dbname}")
    source = {**SOURCE, **bad.source}
    healthy = {**CONVERSATIONS, "database": "app"}
    app = {"dsn": dsn, **IMPATIENT}
    return Setup(
        both=write_config(
            tmp_path, {"app": app, "other": settings}, {"broken": source, "healthy": healthy}
        ),
        alone=write_config(tmp_path, {"other": settings}, {"broken": source}),
        environ=zones(tmp_path) if UNKNOWN_ZONE in str(bad.source) else {},
        secrets=(PASSWORD, database.server.passwords[EXPORTER]),
    )


def zones(folder: Path) -> dict[str, str]:
    """The variable for all time zones of the system, and one that PostgreSQL never heard of.

    Only where it is needed: Python reads it at the start, so it takes a process of its own.
    """
    here = folder / "zones"
    for place in map(Path, zoneinfo.TZPATH):
        if (place / "UTC").is_file():
            here.mkdir()
            for each in place.iterdir():
                (here / each.name).symlink_to(each)
            (here / "Mars").mkdir()
            shutil.copy(place / "UTC", here / UNKNOWN_ZONE)
            break
    return {"PYTHONTZPATH": str(here)}


def in_order(parts: tuple[str, ...], text: str) -> bool:
    return re.search(".*".join(map(re.escape, parts)), text) is not None


def test_is_a_sentence_and_the_others_are_printed(bad: Bad, setup: Setup, tmp_path: Path) -> None:
    arguments = ("once", "-c", setup.both, "--format", "prometheus")
    done = run(*arguments, folder=tmp_path, **setup.environ)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert all(line.startswith("session-exporter: broken (other)") for line in lines), done.stderr
    assert any(in_order(bad.says, line) for line in lines), done.stderr
    assert not any(secret in done.stderr + done.stdout for secret in setup.secrets)
    holds(bad, Page(done.stdout))


ONE_OF_EACH = (
    "a refused connection",
    "a wrong password",
    "no such table",
    "a policy that hides rows",
)


@pytest.mark.quick("refused", "policy")
@pytest.mark.parametrize(
    "bad",
    [
        # The fast tier has every kind by `once`, in the test above.
        pytest.param(bad, marks=() if bad.name in ONE_OF_EACH else pytest.mark.slow)
        for bad in CASES
        if not bad.is_alike
    ],
    indirect=True,
    ids=lambda bad: bad.name,
)
def test_leaves_the_others_served(bad: Bad, setup: Setup, tmp_path: Path) -> None:
    with Daemon(setup.both, folder=tmp_path, environ=setup.environ) as daemon:
        page = daemon.wait_until_ready()
        holds(bad, page)
        pages = page.text + daemon.get("/").text
        again = daemon.wait_for_page(
            lambda now: collected_at(now) > collected_at(page), "healthy is collected again"
        )
        holds(bad, again)
        failures = [line for line in daemon.log.splitlines() if "source=broken" in line]
        assert all("event=collection_failed" in line for line in failures if "failed" in line)
        assert any(f" reason={bad.reason} error=" in line for line in failures), daemon.log
        assert not any(secret in daemon.log + pages for secret in setup.secrets)


def holds(bad: Bad, page: Page) -> None:
    """`healthy` is served, and of `broken` what did not fail."""
    assert page.succeeds("healthy")
    assert page.succeeds("healthy", collector="daily")
    assert page.value("sessions_active", source="healthy") == 0
    assert page.errors("healthy") == set()
    assert page.errors("broken") == {bad.reason}
    for collector in ALL:
        is_declared = collector != "daily" or "daily" not in bad.source
        expected = is_declared and collector not in bad.failing
        assert page.succeeds("broken", collector=collector) == expected
    if "active" in bad.failing:
        assert page.values("sessions_active", source="broken") == []
    up = page.value("session_exporter_database_up", database="other")
    assert up == (0 if bad.reason in {"connect", "auth"} else 1)


def collected_at(page: Page) -> float:
    name = "session_exporter_collection_last_success_timestamp_seconds"
    value = page.value(name, source="healthy", collector="active")
    assert value is not None
    return value


@pytest.mark.quick("command0-a refused", "command0-a policy", "command1-no such table")
@pytest.mark.parametrize(
    "bad",
    [bad for bad in CASES if bad.name in ONE_OF_EACH],
    indirect=True,
    ids=lambda bad: bad.name,
)
@pytest.mark.parametrize("command", [("orphans", "broken"), ("sql", "index", "broken")])
def test_prints_nothing_where_nothing_was_found(
    bad: Bad, setup: Setup, command: tuple[str, ...], tmp_path: Path
) -> None:
    done = run(*command, "-c", setup.alone, folder=tmp_path, **setup.environ)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("session-exporter: broken (other): ")
    assert in_order(bad.says, done.stderr)
    assert done.stderr.count("\n") == 1


def test_a_policy_that_shows_every_row_is_trusted_when_the_config_says_so(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    with database.connect() as connection:
        connection.execute(TABLE.encode())
        connection.execute(
            b"ALTER TABLE public.chats ENABLE ROW LEVEL SECURITY;"
            b" CREATE POLICY everything ON public.chats FOR SELECT USING (true)"
        )
    other = {"dsn": database.dsn_for(EXPORTER)}
    source = {**SOURCE, "daily": None}
    path = write_config(tmp_path, {"other": other}, {"chats": source})
    done = run("once", "-c", path, folder=tmp_path)
    assert done.returncode == 1
    assert "row_security: trust" in done.stderr
    path = write_config(tmp_path, {"other": {**other, "row_security": "trust"}}, {"chats": source})
    done = run("once", "-c", path, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].split()[:4] == ["chats", "other", "1", "1"]


def test_a_dsn_that_is_none_is_refused_before_anything_starts(tmp_path: Path) -> None:
    databases = {"app": {"dsn": f"host=h passwd={PASSWORD}"}}
    config = write_config(tmp_path, databases, {"chats": CONVERSATIONS})
    for command in ("check", "once", "run"):
        done = run(command, "-c", config, folder=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert (
            "databases.app.dsn: expected a connection string such as postgresql://" in done.stderr
        )
        assert PASSWORD not in done.stderr
