"""`--format json`: each command prints one document, with the fields that docs/commands.md has."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.audit.installation import audit_script
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.statements import execute

pytestmark = pytest.mark.slow  # test_commands, test_recover and test_limits have the values

DOCUMENT = Path(__file__).parents[4] / "docs" / "commands.md"

TABLE = """
    CREATE TABLE public.chat (
        id text PRIMARY KEY, is_open bool NOT NULL DEFAULT true, started timestamptz,
        ended timestamptz, seconds int, who text
    );
    INSERT INTO public.chat (id, started, who)
        SELECT n, now() - interval '3 hours' - n * interval '1 minute', 'u' || n
        FROM generate_series(1, 5) AS n;
    INSERT INTO public.chat (id, started, who, ended)
        VALUES (E'\\x1b[2J\\u202e"', '-infinity', E'\\n', '2020-01-01');
    INSERT INTO public.chat (id, started, who, is_open, ended, seconds)
        SELECT 'e' || n, now() - n * interval '1 hour', 'x', false, now(), 60
        FROM generate_series(1, 9) AS n;
"""

CHAT: dict[str, Any] = {
    "table": "public.chat",
    "active": "is_open",
    "started_at": "started",
    "ended_at": "ended",
    "id": "id",
    "orphaned_after": "2h",
    "alert_above": 3,
    "limit_per": {"key": "who", "max": 1},
    "show": ["who"],
    "recovery": {
        "set": {"is_open": False, "ended": "{end}"},
        "end_at": "s.started + interval '1 hour'",
        "returning": ["who"],
    },
}

TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "list": list,
    "list of strings": list,
    "object": dict,
    "time": str,
    "id": (str, list, type(None)),
    "null": type(None),
}

#: A list or object that is described in another section.
ELSEWHERE = {"close": {"plan.sessions", "outcome"}, "resume": {"plan.pause", "plan.held.sessions"}}
ELSEWHERE["resume"] |= {"outcome.pause"}

#: Only of sources with owners or a list, and only while something is locked for as long.
EVIDENCE = {
    *("orphans[].cause", "orphans[].owner", "plan.sessions[].cause"),
    *("known_to_daemon_alone", "plan.known_to_daemon_alone"),
}


def documented(section: str) -> dict[str, str]:
    """The fields of a section, and the type of each."""
    text = DOCUMENT.read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", text, re.MULTILINE))


def fields(value: Any, section: str, at: str = "") -> Iterator[tuple[str, Any]]:
    """Each field of a document by its path, and its value."""
    types = documented(section)
    if isinstance(value, dict) and not types.get(at, "").startswith("object by"):
        for name, inner in value.items():
            path = f"{at}.{name}" if at else name
            yield path, inner
            if path not in ELSEWHERE.get(section, ()):
                yield from fields(inner, section, path)
    elif isinstance(value, list) and types.get(at) == "list":
        for each in value:
            yield from fields(each, section, f"{at}[]")


@pytest.fixture
def config(database: EmbeddedDatabase, tmp_path: Path) -> Path:
    execute(database, TABLE)
    execute(database, audit_script(0))
    return write_config(tmp_path, {"app": {"dsn": database.dsn}}, {"chat": CHAT})


def document(*arguments: str, config: Path, code: int = 0) -> Any:
    done = run(*arguments, "--format", "json", "-c", config, folder=config.parent)
    assert done.returncode == code, done.stderr
    assert done.stdout.isascii()
    assert done.stdout.isprintable() or set(filter(lambda c: not c.isprintable(), done.stdout)) == {
        "\n"
    }
    return json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))


def hold_the_document(section: str, *documents: Any) -> None:
    """Each field is documented with its type, and each documented one was seen."""
    types, seen = documented(section), set[str]()
    for each in documents:
        for item in each if isinstance(each, list) else [each]:
            for path, value in fields(item, section):
                assert path in types, f"{section}: {path} is not documented"
                seen.add(path)
                kinds = [TYPES[kind.partition(" by ")[0]] for kind in types[path].split(" or ")]
                assert any(isinstance(value, kind) for kind in kinds), (path, value, types[path])
                if types[path].startswith("time") and value is not None:
                    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value), path
    assert set(types) - seen - EVIDENCE == set()


@pytest.mark.parametrize(
    ("section", "arguments"),
    [
        ("once", ("once",)),
        ("orphans", ("orphans",)),
        ("orphans --blocked", ("orphans", "--blocked")),
        ("inconsistent", ("inconsistent",)),
        ("check", ("check",)),
    ],
)
def test_a_list_has_the_documented_fields(
    section: str, arguments: tuple[str, ...], config: Path
) -> None:
    hold_the_document(section, document(*arguments, config=config))


def test_the_findings_of_check_live_have_the_documented_fields(config: Path) -> None:
    hold_the_document("check --live", document("check", "--live", config=config))


def test_recover_undo_and_runs_have_the_documented_fields(config: Path) -> None:
    plan = document("recover", "chat", config=config)
    closed = document("recover", "chat", "--yes", "--despite-brake", config=config)
    hold_the_document("recover", plan, closed)
    run_ = closed[0]["run"]
    undo = ("undo", run_)
    hold_the_document(
        "undo", document(*undo, config=config), document(*undo, "--yes", config=config)
    )
    assert run("pause", "chat", "-c", config, folder=config.parent).returncode == 0
    hold_the_document("runs", document("runs", config=config))


def test_close_has_the_documented_fields(config: Path) -> None:
    close = ("close", "chat", "--all", "--even-live")
    hold_the_document(
        "close", document(*close, config=config), document(*close, "--yes", config=config)
    )


def test_pause_and_resume_have_the_documented_fields(config: Path) -> None:
    pause = document("pause", "chat", "--reason", "noon \x1b", config=config)
    again = document("pause", "chat", config=config)
    hold_the_document("pause", pause, again)
    assert [each[0]["is_new"] for each in (pause, again)] == [True, False]
    plan = document("resume", "chat", config=config)
    done = document("resume", "chat", "--yes", config=config)
    assert plan[0]["outcome"] is None
    assert done[0]["outcome"]["pause"] == pause[0]["pause"]
    nothing = document("resume", "chat", config=config)
    assert nothing[0]["plan"]["pause"] is None
    held = {path for path in documented("resume") if path.startswith("plan.held.")}
    seen = {path for each in (plan, done, nothing) for path, _ in fields(each[0], "resume")}
    assert seen | held == set(documented("resume"))


def test_a_document_is_printed_where_a_source_fails(config: Path) -> None:
    text = config.read_text().replace("table: public.chat", "table: public.gone")
    config.write_text(text)
    (source,) = document("once", config=config, code=1)
    assert source["active_count"] is None
    assert {each["reason"] for each in source["collectors"]} == {"schema"}
    assert document("orphans", config=config, code=1) == []
    assert document("recover", "chat", config=config, code=1) == []
    assert document("pause", "chat", config=config, code=0)[0]["is_new"]
