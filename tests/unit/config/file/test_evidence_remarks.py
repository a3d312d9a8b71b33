"""What is valid in owners and lists, and useless or dangerous: `check` says so in a sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.check.evidence_remarks import evidence_remarks
from exporter.config import Config
from tests.support.processes.session_exporter import run

FILE = """\
databases: {{app: {{dsn: ""}}}}
owners: {{o: {{unique_per_start: true, {owners}}}}}
lists: {{l: {{{lists}}}}}
sources:
  chat: {{table: t, active: a, started_at: b, id: c, orphaned_after: 2h{names}}}
"""
OWNERS, LISTS, NAMES = "sql: SELECT 1", 'urls: {a: "http://a"}', ", list: l, owner: {of: x, in: o}"


def text_of(owners: str = OWNERS, lists: str = LISTS, names: str = NAMES) -> str:
    return FILE.format(owners=owners, lists=lists, names=names)


REMARKS = {
    "all of one store": (
        text_of(lists=f"{LISTS}, stores: all"),
        (
            "lists.l.stores: expected two urls or more beside all, got one; what is alone never "
            "disagrees: write the URL of each store, or stores: any"
        ),
    ),
    "all of a query": (
        text_of(lists="sql: SELECT 1, stores: all"),
        "lists.l.stores: expected two urls or more beside all, got sql;",
    ),
    "a store twice": (
        text_of(lists='urls: {a: "http://a", b: "http://a"}'),
        "lists.l.urls.b: expected a different URL, got that of a;",
    ),
    "ghosts before two sightings": (
        text_of(lists=f"{LISTS}, ghost_after: 29s"),
        "lists.l.ghost_after: expected at least two intervals, 30s, got 29s;",
    ),
    "a list that is later than the next": (
        text_of(lists=f"{LISTS}, timeout: 16s"),
        "lists.l.timeout: expected at most every, 15s, got 16s;",
    ),
    "owners that are later than the next": (
        text_of(owners=f"{OWNERS}, timeout: 16s"),
        "owners.o.timeout: expected at most every, 15s, got 16s;",
    ),
    "death after one answer": (
        text_of(owners=f"{OWNERS}, grace: 29s"),
        "owners.o.grace: expected at least two intervals, 30s, got 29s;",
    ),
    "owners that report too rarely": (
        text_of(owners="table: {table: p.s, id: i, seen_at: s, within: 14s}"),
        "owners.o.table.within: expected at least every, 15s, got 14s;",
    ),
    "owners of no source": (
        text_of(names=", list: l, owner: x"),
        (
            "owners.o: expected a source that names it, got none; it is not used: write `owner: "
            "{of: COLUMN, in: o}` in one, or remove it"
        ),
    ),
    "a list of no source": (
        text_of(names=", owner: {of: x, in: o}"),
        "lists.l: expected a source that names it, got none; it is not used: write `list: l`",
    ),
    "a query that is read like an answer": (
        text_of(lists="sql: SELECT 1, filter: live, items: sessions"),
        "lists.l: expected only sql, got filter, items beside it;",
    ),
    "a body that nobody reads": (
        text_of(lists=f"{LISTS}, request: {{body: x}}"),
        "lists.l.request.body: expected method: POST beside it, got GET;",
    ),
    "a body of owners that nobody reads": (
        text_of(owners='http: {url: "http://a", body: x}'),
        "owners.o.http.body: expected method: POST beside it, got GET;",
    ),
}


@pytest.mark.parametrize(("text", "expected"), REMARKS.values(), ids=REMARKS)
def test_what_is_useless_is_one_remark(
    load: Callable[..., Config], text: str, expected: str
) -> None:
    (remark,) = evidence_remarks(load(text))
    assert remark.startswith(expected)


USEFUL = {
    "the defaults": text_of(),
    "at the bounds": text_of(
        owners="table: {table: p.s, id: i, seen_at: s, within: 15s}, grace: 30s, timeout: 15s",
        lists='urls: {a: "http://a", b: "http://b"}, stores: all, ghost_after: 30s, timeout: 15s',
    ),
    "a table without a time": text_of(owners="table: {table: p.s, id: i, within: 1s}"),
    "a POST": text_of(lists=f"{LISTS}, request: {{body: x, method: POST}}"),
}


@pytest.mark.parametrize("text", USEFUL.values(), ids=USEFUL)
def test_what_is_useful_has_no_remark(load: Callable[..., Config], text: str) -> None:
    assert list(evidence_remarks(load(text))) == []


def test_check_says_it_and_the_file_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text_of(lists=f"{LISTS}, stores: all"), encoding="utf-8")
    checked = run("check", "-c", path, folder=tmp_path)
    valid, remark = checked.stdout.splitlines()
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "is valid" in valid
    assert remark.startswith("! lists.l.stores: expected two urls or more beside all, got one;")


def test_check_live_says_it_beside_what_programs_read(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    text = text_of(lists=f"{LISTS}, stores: all").replace('""', "'host=127.0.0.1 port=1'")
    path.write_text(text, encoding="utf-8")
    checked = run("check", "--live", "--format", "json", "-c", path, folder=tmp_path)
    assert checked.stdout.startswith("[")
    assert f"{path}: lists.l.stores: expected two urls or more beside all" in checked.stderr


def test_a_list_that_is_a_source_of_its_own_is_used(load: Callable[..., Config]) -> None:
    config = load(
        'lists: {l: {urls: {a: "http://a"}, started_at: s}}\n'
        "sources: {calls: {list: l, orphaned_after: 2h}}\n"
    )
    assert list(evidence_remarks(config)) == []
