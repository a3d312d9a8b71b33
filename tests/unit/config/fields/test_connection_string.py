"""An application's own DATABASE_URL is read as libpq reads one."""

import pytest

from exporter.config.fields.connection_string import as_libpq
from exporter.postgres import dsn_problem

PLAIN = "postgresql://app:secret@db.example:5432/app"


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql+asyncpg://app:secret@db.example:5432/app",
        "postgresql+psycopg2://app:secret@db.example:5432/app",
        "postgres+pg8000://app:secret@db.example:5432/app",
        "postgis://app:secret@db.example:5432/app",
        "ecto://app:secret@db.example:5432/app",
        "postgres://app:secret@db.example:5432/app?schema=public",
        "postgres://app:secret@db.example:5432/app?pgbouncer=true&connection_limit=1&schema=a",
        "POSTGRESQL://app:secret@db.example:5432/app?pool=5&prepared_statements=false",
        "postgresql://app:secret@db.example:5432/app?",
    ],
)
def test_what_only_another_program_reads_is_left_out(dsn: str) -> None:
    assert as_libpq(dsn) == PLAIN
    assert dsn_problem(as_libpq(dsn)) is None


@pytest.mark.parametrize(
    ("dsn", "meant"),
    [
        (
            "jdbc:postgresql://db.example/app?user=app&currentSchema=a&password=secret&ssl=true",
            "postgresql://db.example/app?user=app&password=secret&ssl=true",
        ),
        (
            "postgresql+asyncpg://u@h/app?sslmode=verify-full&command_timeout=5",
            "postgresql://u@h/app?sslmode=verify-full",
        ),
        ("postgresql://u:a?schema=b@h/app", "postgresql://u:a?schema=b@h/app"),
        ("postgresql://u:5/a?schema=b@h/app", "postgresql://u:5/a?schema=b@h/app"),
        ("postgresql+asyncpg://u@h/app?ssl=require", "postgresql://u@h/app?sslmode=require"),
        ("postgresql+asyncpg://u@h/app?ssl=requires", "postgresql://u@h/app?ssl=requires"),
    ],
)
def test_what_libpq_knows_stays(dsn: str, meant: str) -> None:
    assert as_libpq(dsn) == meant


@pytest.mark.parametrize(
    "dsn",
    [
        "",
        "host=a dbname=schema",
        "service=app",
        "mysql://h/app?schema=a",
        "postgresql:/h",
        "jdbc:x",
    ],
)
def test_any_other_text_is_as_it_was(dsn: str) -> None:
    assert as_libpq(dsn) == dsn


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("mysql://u:secret@h/db", "got one that begins with mysql://"),
        ("postgresql://u:secret@h/db?sslaccept=strict", "got the option sslaccept, which libpq"),
        ("postgresql://u:secret@h/db?sslmode=require&ssl_mode=1", "got the option ssl_mode, which"),
        ("postgresql://h:1,h:2/db?targetServerType=any", "write target_session_attrs instead"),
        ("postgresql://u@h/db?sslmode=require&sslfactory=x", "write what it means as sslmode"),
        ("postgresql://u@h/db?encoding=unicode", "got the option encoding, which libpq does not"),
        ("postgresql://h/db?ssl=false", "got the option ssl with another value than true"),
        ("postgresql://u@/db?host=a:1&host=b:2", "expected the option host once, got it 2 times"),
        ("postgresql://u:1/secret@h/db", "write %2F for a / in the password"),
        ("postgresql://u:1/secret?schema=secret@h/db", "got something else"),
        ("postgresql://u:pa/x?secret=1@h/db", "got something else"),
        ("postgresql://u:secret?hidden=1", "got something else"),
        ("postgresql://h/db?user=u&password=a&secret=b&x=1", "got something else"),
        ("postgresql://h/db?trust=1&password=secret", "got the option trust, which"),
        ("secret words://u@h/db", "got something else"),
    ],
)
def test_what_is_wrong_is_named_unless_it_may_be_a_password(dsn: str, said: str) -> None:
    problem = dsn_problem(dsn)
    assert problem is not None
    assert said in problem
    assert "secret" not in problem
