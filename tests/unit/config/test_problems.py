"""What a user reads about a config file that is wrong: each message in full."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.config import Config, load_config
from exporter.errors import ConfigError

ENVIRON = {"EVERY": "hourly", "SEMICOLON": ";", "LATIN": "\udcff"}

SECTIONS = "databases, owners, lists, defaults, sources"
HEAD = "databases:\n  app: {dsn: ''}\n"
ONE = """\
sources:
  chat:
    table: public.chat
    active: is_active
    started_at: started_at
    orphaned_after: 2h
"""

# Whole files -> the message.
FILES = {
    "an empty file": (
        "",
        "config.yaml:1: the file is empty; docs/configuration.md begins with one",
    ),
    "nothing but comments": (
        "# later\n",
        "config.yaml:1: the file is empty; docs/configuration.md begins with one",
    ),
    "a list": (
        "- databases\n",
        ("config.yaml:1: expected a mapping with the keys databases and sources, got a list"),
    ),
    "a single word": (
        "databases\n",
        ("config.yaml:1: expected a mapping with the keys databases and sources, got 'databases'"),
    ),
    "bytes that are no text": (
        b"databases:\n  \xff\xfe\n",
        "config.yaml:2: expected UTF-8 text, got other bytes; save the file as UTF-8",
    ),
    "a control character": (
        "databases:\n  app: \x01\n",
        "config.yaml:2: expected text, got the character '\\x01'",
    ),
    "several documents": (
        HEAD + "---\n" + ONE,
        "config.yaml:3: expected one YAML document, got a second one",
    ),
    "brackets that never end": (
        "databases: {app: {dsn: ''}\n",
        "config.yaml:1: databases: not valid YAML; put the value in quotes",
    ),
    "no databases and no sources": (
        "databases: {}\nsources:\n",
        (
            "config.yaml:1: databases: expected at least one of the databases, got none\n"
            "config.yaml:2: sources: expected at least one of the sources, got none"
        ),
    ),
    "nothing but empty defaults": (
        "defaults: {}\n",
        (
            "config.yaml:1: databases: expected at least one of the databases, got none\n"
            "config.yaml:1: sources: expected at least one of the sources, got none"
        ),
    ),
    "a key that is written as pydantic marks keys": (
        HEAD + ONE + "'[key]': 1\n",
        f"config.yaml:9: [key]: unknown key; known here: {SECTIONS}",
    ),
    "a source that is written as pydantic marks keys": (
        HEAD + ONE + "  '[key]': 1\n",
        (
            "config.yaml:9: sources.[key]: expected a name ([A-Za-z_][A-Za-z0-9_.-]{0,62}), "
            "got '[key]'"
        ),
    ),
    "defaults without sources": (
        HEAD + "defaults: {every: 1m}\n",
        "config.yaml:1: sources: expected at least one of the sources, got none",
    ),
    "a source that is called like a key": (
        HEAD + ONE.replace("chat:", "recovery:") + "    evry: 1m\n",
        "config.yaml:9: sources.recovery.evry: unknown key; did you mean every?",
    ),
    "neither key": (
        "x-anchors: {}\n",
        (
            "config.yaml:1: databases: expected at least one of the databases, got none\n"
            "config.yaml:1: sources: expected at least one of the sources, got none"
        ),
    ),
    "sources that are an empty list": (
        HEAD + "sources: []\n",
        "config.yaml:3: sources: expected a mapping of keys to values, got an empty list",
    ),
    "sources that are a list": (
        HEAD + "sources: [chat]\n",
        "config.yaml:3: sources: expected a mapping of keys to values, got a list",
    ),
    "sources that are a number": (
        HEAD + "sources: 1\n",
        "config.yaml:3: sources: expected a mapping of keys to values, got 1",
    ),
    "misspelt sections": (
        "databses: {app: {dsn: ''}}\nsorces: {}\n",
        (
            "config.yaml:1: databases: expected at least one of the databases, got none\n"
            "config.yaml:1: databses: unknown key; did you mean databases?\n"
            "config.yaml:1: sources: expected at least one of the sources, got none\n"
            "config.yaml:2: sorces: unknown key; did you mean sources?"
        ),
    ),
    "a source without any key": (
        HEAD + "sources:\n  chat: {}\n",
        (
            "config.yaml:4: sources.chat.active: expected this key, for example `active: "
            "is_active`, got nothing\n"
            "config.yaml:4: sources.chat.orphaned_after: expected this key, for example "
            "`orphaned_after: 2h`, got nothing\n"
            "config.yaml:4: sources.chat.started_at: expected this key, for example "
            "`started_at: started_at`, got nothing\n"
            "config.yaml:4: sources.chat.table: expected this key, for example `table: "
            "public.sessions`, got nothing"
        ),
    ),
    "a source that is text": (
        HEAD + "sources:\n  chat: public.chat\n",
        ("config.yaml:4: sources.chat: expected a mapping of keys to values, got 'public.chat'"),
    ),
    "a database without a dsn": (
        "databases:\n  app: {max_connections: 4}\n" + ONE,
        (
            "config.yaml:2: databases.app.dsn: expected this key, for example `dsn: "
            "${DATABASE_URL}`, got nothing"
        ),
    ),
    "names of another form": (
        "databases:\n  my app: {dsn: ''}\n" + ONE.replace("chat:", "chät:"),
        (
            "config.yaml:2: databases.my app: expected a name "
            "([A-Za-z_][A-Za-z0-9_.-]{0,62}), got 'my app'\n"
            "config.yaml:4: sources.chät: expected a name ([A-Za-z_][A-Za-z0-9_.-]{0,62}), "
            "got 'chät'"
        ),
    ),
    "a name that is too long": (
        HEAD + ONE.replace("chat:", "c" * 64 + ":"),
        (
            f"config.yaml:4: sources.{'c' * 64}: expected a name "
            "([A-Za-z_][A-Za-z0-9_.-]{0,62}), "
            f"got '{'c' * 64}'"
        ),
    ),
    "a name that is a number": (
        HEAD + ONE.replace("chat:", "2024:"),
        ("config.yaml:4: sources.2024: expected text as a key, got 2024; put it in quotes"),
    ),
    "an unknown database, with a near one": (
        "databases:\n  app: {dsn: ''}\n  audit: {dsn: ''}\n" + ONE + "    database: audi\n",
        (
            "config.yaml:10: sources.chat.database: expected the name of a database, got "
            "'audi'; did you mean audit?"
        ),
    ),
    "an unknown database in a list": (
        HEAD + ONE + "    database: [app, warehouse]\n",
        (
            "config.yaml:9: sources.chat.database[1]: expected the name of a database, got "
            "'warehouse'; there are: app"
        ),
    ),
    "no database where there are several": (
        "databases:\n  app: {dsn: ''}\n  audit: {dsn: ''}\n" + ONE,
        (
            "config.yaml:5: sources.chat.database: expected the name of a database, got "
            "nothing; there are: app, audit"
        ),
    ),
    "a database twice": (
        HEAD + ONE + "    database: [app, app]\n",
        "config.yaml:9: sources.chat.database[1]: expected every value once, got 'app'",
    ),
    "no database in the list": (
        HEAD + ONE + "    database: []\n",
        ("config.yaml:9: sources.chat.database: expected at least one value, got an empty list"),
    ),
    "a database that is a mapping": (
        HEAD + ONE + "    database: {app: {}}\n",
        "config.yaml:9: sources.chat.database: expected a list, got a mapping",
    ),
    "a connect timeout that libpq would not keep": (
        "databases:\n  app: {dsn: '', connect_timeout: 1s}\n" + ONE,
        "config.yaml:2: databases.app.connect_timeout: expected at least 2s, got '1s'",
    ),
    "recovery of rows that are active as long as they exist": (
        HEAD + ONE.replace("is_active", "true") + "    id: id\n    last_seen_at: seen\n"
        "    recovery: {set: {ended: '{end}'}}\n",
        (
            "config.yaml:11: sources.chat.recovery: expected where beside active: true, if "
            "sessions are to be closed, got no where; each row would be active whatever closing "
            "writes; write a condition that what set writes ends, such as where: deleted_at IS NULL"
        ),
    ),
    "an audit that forgets what automatic recovery counts": (
        HEAD + ONE + "    recovery: {audit: {keep: 6d}}\n",
        (
            "config.yaml:9: sources.chat.recovery.audit.keep: expected at least 7d, got '6d'; "
            "automatic recovery counts closures and mistakes of a week in the audit"
        ),
    ),
    "sessions that are backlog before they could be closed automatically": (
        HEAD + ONE + "    id: id\n    last_seen_at: seen\n    recovery:\n"
        "      {mode: auto, max_age: 3h, set: {ended: '{end}'}}\n",
        (
            "config.yaml:11: sources.chat.recovery: expected max_age inside recovery longer than "
            "3h, which is 1.5 times orphaned_after, got 3h; every session would be backlog before "
            "dry_run and auto consider it"
        ),
    ),
    "a threshold that makes every orphan backlog where max_age is not set": (
        HEAD + ONE.replace("2h", "5d") + "    id: id\n    last_seen_at: seen\n    recovery:\n"
        "      {mode: dry_run, set: {ended: '{end}'}}\n",
        (
            "config.yaml:11: sources.chat.recovery: expected max_age inside recovery longer than "
            "7d12h, which is 1.5 times orphaned_after, got 7d; every session would be backlog "
            "before dry_run and auto consider it"
        ),
    ),
    "locks that outlast statements": (
        "databases:\n  app: {dsn: '', lock_timeout: 5s}\n" + ONE,
        (
            "config.yaml:2: databases.app.lock_timeout: expected lock_timeout to be "
            "shorter than statement_timeout, got lock_timeout '5s' and statement_timeout "
            "5s (the default); a locked table would look like a slow query"
        ),
    ),
    "statements shorter than the default for locks": (
        "databases:\n  app: {dsn: '', statement_timeout: 500ms}\n" + ONE,
        (
            "config.yaml:2: databases.app.statement_timeout: expected lock_timeout to be "
            "shorter than statement_timeout, got lock_timeout 1s (the default) and "
            "statement_timeout '500ms'; a locked table would look like a slow query"
        ),
    ),
    "too many connections": (
        "databases:\n  app: {dsn: '', max_connections: 101}\n" + ONE,
        (
            "config.yaml:2: databases.app.max_connections: expected a whole number, at "
            "most 100, got 101"
        ),
    ),
    "row security that YAML reads as false": (
        "databases:\n  app: {dsn: '', row_security: off}\n" + ONE,
        (
            "config.yaml:2: databases.app.row_security: expected refuse or trust, got off, "
            "which YAML reads as a boolean"
        ),
    ),
    "a password file that is not there": (
        "databases:\n  app: {dsn: '', password_file: secret}\n" + ONE,
        (
            "config.yaml:2: databases.app.password_file: expected the path of a file that "
            "can be read, got 'secret'; there is no such file (a relative path begins at "
            "the folder of the config file)"
        ),
    ),
    "a password file that is a folder": (
        "databases:\n  app: {dsn: '', password_file: .}\n" + ONE,
        (
            "config.yaml:2: databases.app.password_file: expected the path of a file that "
            "can be read, got '.'; it is not a regular file (a relative path begins at the "
            "folder of the config file)"
        ),
    ),
    "a dsn that is a number": (
        "databases:\n  app: {dsn: 5432}\n" + ONE,
        (
            "config.yaml:2: databases.app.dsn: expected a connection string, got a value "
            'that is not shown; write "" to use only the defaults of libpq'
        ),
    ),
    "a dsn that is null": (
        "databases:\n  app: {dsn: }\n" + ONE,
        (
            "config.yaml:2: databases.app.dsn: expected a connection string, got null; "
            'write "" to use only the defaults of libpq'
        ),
    ),
    "a variable without quotes in braces": (
        "databases:\n  app: {dsn: ${DATABASE_URL}}\n" + ONE,
        "config.yaml:2: databases.app: not valid YAML; put the value in quotes",
    ),
    "a table of three parts": (
        HEAD + ONE.replace("public.", "shop.public."),
        (
            "config.yaml:5: sources.chat.table: expected a table such as public.sessions, "
            "got 'shop.public.chat'; other names in double quotes and in a block, each "
            'separately: "My"."Table"'
        ),
    ),
    "a table that begins with a digit": (
        HEAD + ONE.replace("public.chat", "2024_chat"),
        (
            "config.yaml:5: sources.chat.table: expected a table such as public.sessions, "
            "got '2024_chat'; other names in double quotes and in a block, each separately: "
            '"My"."Table"'
        ),
    ),
    "a table with a space": (
        HEAD + ONE.replace("public.chat", "public.my chat"),
        (
            "config.yaml:5: sources.chat.table: expected a table such as public.sessions, "
            "got 'public.my chat'; other names in double quotes and in a block, each "
            'separately: "My"."Table"'
        ),
    ),
    "a table name that PostgreSQL would cut": (
        HEAD + ONE.replace("public.chat", "public." + "c" * 64),
        (
            "config.yaml:5: sources.chat.table: expected a table whose names have at most "
            "63 bytes, got 'public.cccccccccccccccccccccccccccccccccccccccccccccccccc...'"
        ),
    ),
    "a table that is a list": (
        HEAD + ONE.replace("public.chat", "[public, chat]"),
        (
            "config.yaml:5: sources.chat.table: expected a table such as public.sessions, "
            "got a list; write it as a block:\n"
            "    table: |\n"
            "      [public, chat]"
        ),
    ),
    "defaults that are false": (
        HEAD + "defaults: no\n" + ONE,
        (
            "config.yaml:3: defaults: expected a mapping of keys to values, "
            "got no, which YAML reads as a boolean"
        ),
    ),
    "an anchor that nobody has": (
        HEAD + "defaults: *common\n" + ONE,
        "config.yaml:3: defaults: not valid YAML: found undefined alias",
    ),
    "defaults that are a list": (
        HEAD + "defaults: [every]\n" + ONE,
        "config.yaml:3: defaults: expected a mapping of keys to values, got a list",
    ),
    "lists in lists without end": (
        "[" * 60,
        (
            "config.yaml: expected at most 100000 values in at most 50 levels, with all "
            "aliases written out"
        ),
    ),
}


def wrong_keys() -> Iterator[Any]:
    """Keys of a source, from line 9 of the file on -> the message."""
    text = Path(__file__).with_name("wrong_keys.txt").read_text(encoding="utf-8")
    for case in text.split("\n=== ")[1:]:
        title, _, rest = case.partition("\n")
        lines, _, message = rest.partition("\n--->\n")
        yield pytest.param(lines, message.rstrip("\n"), id=title)


@pytest.mark.parametrize(("lines", "message"), list(wrong_keys()))
def test_a_key_that_is_wrong(
    problems_of_source: Callable[..., str], lines: str, message: str
) -> None:
    assert problems_of_source(lines, ENVIRON) == message


@pytest.mark.parametrize(("text", "message"), FILES.values(), ids=FILES)
def test_a_file_that_is_wrong(
    problems: Callable[..., str], text: str | bytes, message: str
) -> None:
    assert problems(text, ENVIRON) == message


def test_a_file_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as error:
        load_config(Path("no/config.yaml"))
    message = "no/config.yaml: there is no such file; docs/configuration.md begins with one"
    assert str(error.value) == message


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(tmp_path)
    assert str(error.value) == f"{tmp_path}: expected a file, got a directory"


def test_a_path_that_no_file_can_have(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(tmp_path / ("x" * 300))
    assert str(error.value).endswith(": cannot be read: File name too long")


def test_a_file_that_never_ends() -> None:
    with pytest.raises(ConfigError) as error:
        load_config(Path("/dev/zero"))
    assert str(error.value) == "/dev/zero: expected at most 2 MiB"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_files_that_may_not_be_read(
    load: Callable[..., Config], problems: Callable[..., str], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.touch(mode=0o000)
    assert "password_file: expected the path of a file that can be read" in problems(
        "databases:\n  app: {dsn: '', password_file: secret}\n" + ONE
    )
    with pytest.raises(ConfigError, match=r"cannot be read: Permission denied$"):
        load_config(secret)


def test_aliases_that_multiply_without_end_are_refused_at_once(
    problems: Callable[..., str],
) -> None:
    levels = [f"x-{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]
    text = "\n".join(["x-0: &l0 [lol]", *levels])
    assert problems(text) == (
        "config.yaml: expected at most 100000 values in at most 50 levels, "
        "with all aliases written out"
    )


def test_merge_keys_that_multiply_without_end_are_refused_at_once(
    problems: Callable[..., str],
) -> None:
    levels = [f"x-{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 10)}]}}" for n in range(1, 9)]
    text = "\n".join(["x-0: &m0 {a: 1}", *levels])
    assert "with all aliases written out" in problems(text)


def test_everything_that_is_wrong_comes_at_once_in_the_order_of_the_file(
    problems: Callable[..., str],
) -> None:
    text = """\
databases:
  app:
    dsn: ${DATABASE_URL}
    max_conections: 4
    connect_timeout: 1s
defaults:
  every: 0s
  daily: {dayz: 3}
sources:
  chat:
    table: public.chat
    active: is_active
    active: is_open
    started_at: started_at
    orphaned_after: soon
    overlong_after: 1d
  calls:
    database: ap
    active: false
    started_at: {column: at, epoch: minutes}
    labels: {date: {value: x, values: [no]}}
"""
    assert (
        problems(text)
        == """\
config.yaml:3: databases.app.dsn: the environment variable DATABASE_URL is not set; \
set it, or give a default: ${DATABASE_URL:-...}
config.yaml:4: databases.app.max_conections: unknown key; did you mean max_connections?
config.yaml:5: databases.app.connect_timeout: expected at least 2s, got '1s'
config.yaml:7: defaults.every: expected a duration longer than 0, got '0s'
config.yaml:8: defaults.daily.dayz: unknown key; did you mean days?
config.yaml:13: sources.chat.active: already given on line 12; keep one of the two
config.yaml:15: sources.chat.orphaned_after: expected a duration such as 30s, 10m, 2h or 7d, \
got 'soon'
config.yaml:16: sources.chat.overlong_after: expected last_seen_at beside overlong_after, \
got overlong_after '1d' and no last_seen_at; \
without a sign of life, orphaned_after alone decides
config.yaml:17: sources.calls.orphaned_after: expected this key, \
for example `orphaned_after: 2h`, got nothing
config.yaml:17: sources.calls.table: expected this key, \
for example `table: public.sessions`, got nothing
config.yaml:18: sources.calls.database: expected the name of a database, got 'ap'; \
did you mean app?
config.yaml:19: sources.calls.active: expected an SQL expression, \
got false, which YAML reads as a boolean; put it in quotes
config.yaml:20: sources.calls.started_at.epoch: expected s, ms, us or ns, got 'minutes'
config.yaml:21: sources.calls.labels.date: expected a name other than \
database, source, date, days_ago, le, kind, cause, store, owner, evidence, instance, job, \
__*, got 'date'
config.yaml:21: sources.calls.labels.date.values[0]: expected a text, \
got no, which YAML reads as a boolean; put it in quotes"""
    )
