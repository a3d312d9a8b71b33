"""docs/evidence.md: its configs are read, its expressions find sessions, and its SQL runs."""

import ast
import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from exporter.clock import Clock
from exporter.config import Config, load_config
from exporter.config.evidence import ListSource
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.evidence.answers import ListAnswer, StoreAnswer
from exporter.evidence.asking.lists import ListClient
from tests.support.documents import blocks
from tests.support.network.answering import serving

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
YAML = blocks(DOCUMENT, "yaml")
CONFIGS = [text for text in YAML if re.match(r"(owners|lists):", text)]
RECIPES = DOCUMENT.split("\n## Recipes\n")[1]

CLOCK = Clock(monotonic=lambda: 7.0, wall=lambda: 0.0)

SESSION = "0b1e7a52-9c3d-4a57-8b1c-2f4f7d7d0a11"

BASE: dict[str, Any] = {
    "databases": {"app": {"dsn": "postgresql://app"}},
    "sources": {
        "calls": {
            "table": "public.calls",
            "id": "id",
            "active": "is_active",
            "started_at": "started_at",
            "orphaned_after": "2h",
        }
    },
}

#: What each system answers, of one live session and where it can one that is none: the fields that
#: its documentation or its source code names.
ANSWERS: dict[str, tuple[list[Any], dict[str, tuple[float | None, float | None]]]] = {
    "rooms": (
        [{"rooms": [{"sid": "RM_1", "name": "lesson", "creation_time": "1786241201"}]}],
        {"lesson": (1786241201, None)},
    ),
    "notebooks": (
        [
            {
                "items": [
                    {
                        "name": "alice",
                        "servers": {
                            "": {
                                "name": "",
                                "ready": True,
                                "url": "/user/alice/",
                                "started": "2026-03-09T10:00:00Z",
                                "last_activity": "2026-03-09T10:05:00Z",
                            },
                            "gpu": {"name": "gpu", "ready": False, "url": "/user/alice/gpu/"},
                        },
                    }
                ],
                "_pagination": {"next": {"url": "http://hub:8081/page/1"}},
            },
            {"items": [{"name": "bob", "servers": {}}], "_pagination": {"next": None}},
        ],
        {"/user/alice/": (1773050400, 1773050700)},
    ),
    "logins": (
        [[{"id": "4f", "username": "alice", "start": 1786241201000, "lastAccess": 1786241260000}]],
        {'["4f", "0"]': (1786241201, 1786241260)},
    ),
    "dialogs": (
        [
            {
                "jsonrpc": "2.0",
                "result": [
                    {"h_id": 7, "call-id": "a@ua", "state": 4, "start_ts": 1786241201},
                    {"h_id": 8, "call-id": "b@ua", "state": 3, "start_ts": 1786241202},
                    {"h_id": 9, "call-id": "c@ua", "state": 2, "start_ts": 0},
                    {"h_id": 5, "call-id": "d@ua", "state": 5, "start_ts": 1786241203},
                ],
                "id": 1,
            }
        ],
        {"a@ua": (1786241201, None), "b@ua": (1786241202, None)},
    ),
    "desktops": (
        [{"c3": {"identifier": "c3", "startDate": 1786241201000, "username": "alice"}}],
        {"c3": (1786241201, None)},
    ),
}


def load(text: str, folder: Path) -> Config:
    """Load a block beside one source, with the files that it names."""
    content = yaml.safe_load(text)
    for name in _files(content):
        (folder / name).write_text("a secret", encoding="utf-8")
    (folder / "config.yaml").write_text(yaml.safe_dump(BASE | content), encoding="utf-8")
    return load_config(folder / "config.yaml", {})


def _files(content: Any) -> Iterator[str]:
    for key, value in content.items() if isinstance(content, Mapping) else ():
        if key == "file" or key.endswith("_file"):
            yield value
        else:
            yield from _files(value)


@pytest.mark.parametrize("text", CONFIGS, ids=lambda text: text.split()[1].rstrip(":"))
def test_every_config_is_read_as_it_stands(text: str, tmp_path: Path) -> None:
    ((kind, declared),) = yaml.safe_load(text).items()
    config = load(text, tmp_path)
    assert set(getattr(config, kind)) == set(declared)


@pytest.mark.parametrize("text", blocks(RECIPES, "yaml"), ids=lambda text: text.split()[1][:-1])
def test_a_recipe_finds_the_live_sessions_in_an_answer_of_that_system(
    text: str, tmp_path: Path
) -> None:
    ((name, settings),) = load(text, tmp_path).lists.items()
    pages, expected = ANSWERS[name]
    ((store, url),) = settings.urls.items()
    target = httpx.URL(url).raw_path.decode()
    with serving() as server:
        server.answers[target] = pages[0]
        for number, page in enumerate(pages[1:], 1):
            server.answers[f"/page/{number}"] = page
        served = json.dumps(server.answers).replace("http://hub:8081", server.url(""))
        server.answers.update(json.loads(served))
        local = {store: server.url(target)}
        answer = asyncio.run(ask(settings.model_copy(update={"urls": local})))
        requests = server.requests
    given = answer.stores[store]
    assert isinstance(given, StoreAnswer), given
    assert {
        key: (each.started_at, each.last_seen_at) for key, each in given.sessions.items()
    } == expected
    assert len(requests) == len(pages)
    assert all(each.startswith(f"{settings.request.method} ") for each in requests)
    assert all("a secret" in each for each in requests) is bool([*_files(yaml.safe_load(text))])


async def ask(settings: ListSource) -> ListAnswer:
    client = ListClient(settings, CLOCK)
    try:
        return await client.ask()
    finally:
        await client.close()


def test_there_is_an_answer_for_each_recipe() -> None:
    named = [next(iter(yaml.safe_load(text)["lists"])) for text in blocks(RECIPES, "yaml")]
    assert named == list(ANSWERS)


def test_the_role_in_kubernetes_may_list_pods_of_one_namespace_and_nothing_else() -> None:
    (text,) = (each for each in YAML if "RoleBinding" in each)
    role, binding = yaml.safe_load_all(text)
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    assert (role["kind"], binding["kind"]) == ("Role", "RoleBinding")
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["metadata"]["namespace"] == role["metadata"]["namespace"]


def test_every_python_example_is_python_and_fits_on_a_screen() -> None:
    for text in blocks(DOCUMENT, "python"):
        compile(text, "evidence.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        assert len(text.splitlines()) <= 18


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.mark.slow
def test_the_sql_runs_against_the_table_that_it_is_about(database: EmbeddedDatabase) -> None:
    with database.connect() as connection:
        connection.execute("SET search_path = conversations, public")
        for number, text in enumerate(blocks(DOCUMENT, "sql")):
            for statement in filter(str.strip, text.split(";")):
                is_prepared = "$1" in statement
                prefix = f"PREPARE example_{number} AS " if is_prepared else ""
                connection.execute((prefix + statement).encode())
        connection.execute(
            "INSERT INTO conversation_sessions (session_id, user_id, session_start, is_active)"
            f" VALUES ('{SESSION}', 'alice', now() - interval '1 hour', true)"
        )
        connection.execute(f"EXECUTE example_{number} ('{SESSION}', now())")  # the late end
        ended = connection.execute(
            "SELECT is_active, session_end IS NOT NULL FROM conversation_sessions"
        ).fetchall()
        connection.rollback()
    assert ended == [(False, True)]


@pytest.mark.parametrize(("path", "anchor"), re.findall(r"\]\(([^)#]*)#?([^)]*)\)", DOCUMENT))
def test_every_link_leads_somewhere(path: str, anchor: str) -> None:
    if path.startswith("https://"):
        return
    target = (ROOT / "docs" / path).resolve() if path else ROOT / "docs" / "evidence.md"
    assert target.exists()
    headings = re.findall(r"^#+ (.+)", target.read_text("utf-8"), re.MULTILINE)
    known = {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
    assert not anchor or anchor in known
