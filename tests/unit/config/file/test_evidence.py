"""Owners and lists in the config, and how a source names them."""

from collections.abc import Callable

import pytest

from exporter.config import Config

FILE = """\
databases: {app: {dsn: ""}}
owners:
  servers: {unique_per_start: true, table: {table: public.servers, id: server_id}}
lists:
  calls: {urls: {blue: "http://blue/calls", green: "http://green/calls"}, stores: all}
sources:
  chat:
    table: t
    active: a
    started_at: b
    id: c
    orphaned_after: 2h
"""


def with_keys(*lines: str) -> str:
    return FILE + "".join(f"    {line}\n" for line in lines)


def test_a_source_names_its_owners_and_its_list(load: Callable[..., Config]) -> None:
    config = load(with_keys("owner: {of: server, in: servers}", "list: calls"))
    source = config.sources["chat"]
    assert source.owner is not None
    assert (source.owner.of, source.owners_name, source.list) == ("server", "servers", "calls")
    assert source.has_evidence
    table = config.owners["servers"].table
    assert table is not None
    assert (str(table.table), table.id, table.within) == ("public.servers", "server_id", 60.0)
    assert config.lists["calls"].urls == {
        "blue": "http://blue/calls",
        "green": "http://green/calls",
    }


def test_an_expression_names_the_owner_and_is_no_evidence(load: Callable[..., Config]) -> None:
    source = load(with_keys("owner: \"s.data ->> 'pod'\"")).sources["chat"]
    assert source.owner is not None
    assert (source.owner.of, source.owners_name) == ("s.data ->> 'pod'", None)
    assert not source.has_evidence


def test_a_file_without_evidence_has_none(load: Callable[..., Config]) -> None:
    head, sources = FILE.split("owners:", maxsplit=1)[0], FILE[FILE.index("sources:") :]
    config = load(head + "owners:\nlists:\n" + sources)
    assert (config.owners, config.lists) == ({}, {})
    assert not config.sources["chat"].has_evidence


WRONG = {
    "a misspelt owner": (
        with_keys("owner: {of: server, in: server}"),
        (
            "config.yaml:13: sources.chat.owner.in: expected the name of one of the owners, got "
            "'server'; "
            "did you mean servers?"
        ),
    ),
    "a misspelt list": (
        with_keys("list: call"),
        (
            "config.yaml:13: sources.chat.list: expected the name of one of the lists, got 'call'; "
            "did you mean calls?"
        ),
    ),
    "another list": (
        with_keys("list: jobs"),
        (
            "config.yaml:13: sources.chat.list: expected the name of one of the lists, got 'jobs'; "
            "there are: calls"
        ),
    ),
    "no list at all": (
        with_keys("list: x").replace(FILE[FILE.index("lists:") : FILE.index("sources:")], ""),
        (
            "config.yaml:11: sources.chat.list: expected the name of one of the lists, got 'x'; "
            "there are none"
        ),
    ),
    "a list without an id": (
        with_keys("list: calls").replace("    id: c\n", ""),
        (
            "config.yaml:12: sources.chat.list: expected id beside list, got list "
            "'calls' and no id; the sessions of the list are found in the table by it"
        ),
    ),
    "one name for owners and a list": (
        with_keys().replace("  calls:", "  servers:"),
        "config.yaml:5: lists.servers: expected a name that none of the owners has, got a mapping",
    ),
    "a name that is none": (
        with_keys().replace("  servers:", "  my servers:"),
        (
            "config.yaml:3: owners.my servers: expected a name ([A-Za-z_][A-Za-z0-9_.-]{0,62}), "
            "got 'my servers'"
        ),
    ),
    "owners of two kinds": (
        with_keys().replace("true,", "true, sql: SELECT 1,"),
        (
            "config.yaml:3: owners.servers: expected one of table, sql, http and kubernetes, got "
            "table and sql"
        ),
    ),
    "owners without unique_per_start": (
        with_keys().replace("unique_per_start: true, ", ""),
        "config.yaml:3: owners.servers.unique_per_start: expected this key",
    ),
    "too many stores": (
        with_keys("list: calls", "max_series: 81"),
        (
            "config.yaml:7: sources.chat: expected at most 81 series (max_series), got 82, of "
            "which 2 are of the stores"
        ),
    ),
    "a label of ours": (
        with_keys("labels: {store: {value: x, values: [y]}}"),
        "config.yaml:13: sources.chat.labels.store: expected a name other than",
    ),
}


@pytest.mark.parametrize(("text", "expected"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_a_sentence(
    problems: Callable[..., str], text: str, expected: str
) -> None:
    assert expected in problems(text)


def test_a_default_may_name_a_list(problems: Callable[..., str]) -> None:
    text = FILE + "defaults: {list: call}\n"
    assert "defaults.list: expected the name of one of the lists, got 'call'" in problems(text)
