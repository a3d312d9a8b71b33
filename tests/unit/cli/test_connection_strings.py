"""What is accepted as a connection string without asking libpq."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.cli.options.connection_strings import PLAIN
from exporter.postgres import dsn_problem


@pytest.mark.slow  # it starts a process for each
@settings(max_examples=500)
@given(st.from_regex(PLAIN, fullmatch=True))
def test_libpq_accepts_every_plain_one(dsn: str) -> None:
    assert dsn_problem(dsn) is None


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql:///app",
        "postgres://app@localhost/app",
        "postgresql://app:secret@db.example.com:5432/app?sslmode=verify-full&sslrootcert=/ca.pem",
        "host=/var/run/postgresql port=5433 dbname=app user=app password=secret",
        "service=app",
    ],
)
def test_the_usual_ones_are_plain(dsn: str) -> None:
    assert PLAIN.fullmatch(dsn)


@pytest.mark.parametrize(
    "dsn",
    [
        *("", "app", "host", "host=a port=x", "port=1,2", "nokey=1", "host=a\n", "host='a b"),
        *("postgresql://app:a@b@host/app", "postgresql://host:x/app", "postgresql:///app?nokey=1"),
        *("postgresql://a%4/app", "postgresql:///app\n", "mysql://host/app", "host=a@b"),
    ],
)
def test_one_that_may_be_refused_is_not_plain(dsn: str) -> None:
    assert PLAIN.fullmatch(dsn) is None
