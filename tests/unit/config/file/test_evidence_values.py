"""Values of owners and lists that cannot work: each is a sentence about its key."""

from collections.abc import Callable

import pytest

from exporter.config import Config

FILE = """\
databases: {{app: {{dsn: ""}}}}
owners: {{o: {{{owners}}}}}
lists: {{l: {{{lists}}}}}
sources:
  chat: {{table: t, active: a, started_at: b, id: c, orphaned_after: 2h}}
"""
OWNERS = "unique_per_start: true, sql: SELECT 1"
PODS = "unique_per_start: true, kubernetes: {namespace: v, selector: app=calls"
LISTS = 'urls: {a: "http://a/live"}'


def owners(text: str) -> str:
    return FILE.format(owners=text, lists=LISTS)


def lists(text: str) -> str:
    return FILE.format(owners=OWNERS, lists=text)


def header(value: str) -> str:
    return lists(f"{LISTS}, request: {{headers: {{X-Key: {value}}}}}")


HEADER = "X-Key: expected the value of a header, or file: with the file that holds it, got"
WRONG: dict[str, tuple[str, str]] = {
    "pods without a selector": (
        owners("unique_per_start: true, kubernetes: {namespace: v}"),
        "owners.o.kubernetes.selector: expected this key, for example `selector: app=calls`",
    ),
    "pods with an empty selector": (
        owners(PODS.replace("app=calls", "''") + "}"),
        "owners.o.kubernetes.selector: expected a label selector such as app=calls, got ''",
    ),
    **{
        f"pods with {key} {value}": (
            owners(f"{PODS}, {key}: {value}}}"),
            (
                f"owners.o.kubernetes.{key}: expected the path of a file, got {value}; omit "
                "the key for the default"
            ),
        )
        for key in ("ca_file", "token_file")
        for value in ("null", "''", "7")
    },
    "no unique_per_start": (
        owners("sql: SELECT 1"),
        "owners.o.unique_per_start: expected this key, for example `unique_per_start: true`",
    ),
    "unique_per_start as text": (
        owners('unique_per_start: "yes", sql: SELECT 1'),
        "owners.o.unique_per_start: expected true or false, got 'yes'",
    ),
    "one URL as text": (
        lists('urls: "http://a/live"'),
        "lists.l.urls: expected names with a URL each, got a value without a name; write a name",
    ),
    "a list of URLs": (
        lists('urls: ["http://a/live"]'),
        "lists.l.urls: expected names with a URL each, got a list; write a name of your choice",
    ),
    **{
        f"the URL {url}": (
            lists(f'urls: {{a: "{url}"}}'),
            "lists.l.urls.a: expected a URL that begins with https:// or http://",
        )
        for url in (
            "a/live",
            "http://",
            "http://:80/",
            "http://a:99999/",
            "http://a:x/",
            "http://[",
        )
    },
    "an empty header": (header("''"), f"{HEADER} ''; write at least one character"),
    "a header of spaces": (header("'  '"), f"{HEADER} '  '; write at least one character"),
    "a header with NUL": (header('"a\\0"'), f"{HEADER} a value that is not shown; it is one line"),
    "a header of two lines": (header('"a\\r\\nX: b"'), "it is one line in ASCII"),
    "a header in other letters": (header("caf\u00e9"), "it is one line in ASCII"),
    "no header": (header("null"), f"{HEADER} null"),
    "two ways to authorize": (
        lists(f"{LISTS}, request: {{token_file: config.yaml, headers: {{authorization: x}}}}"),
        "lists.l.request: expected token_file or the header Authorization, got both",
    ),
    **{
        f"the expression {expression}": (
            lists(f'{LISTS}, {key}: "{expression}"'),
            f"lists.l.{key}: expected a JMESPath expression, got {expression!r}; {why}",
        )
        for key, expression, why in (
            ("items", "a[", "incomplete expression"),
            ("id", "]", "invalid token: Parse error at column 0"),
            ("filter", "x ==", "incomplete expression"),
            ("last_seen_at", "a b", "unexpected token: b: Parse error at column 2"),
            ("key", "lower(@)", "there is no function lower; there are: abs, avg,"),
            ("started_at", "x[?y > length()]", "length() has 0 arguments, and takes 1"),
            ("id", "merge()", "merge() has 0 arguments, and takes 1 or more"),
            ("id", "not_null(a, abs(b, c))", "abs() has 2 arguments, and takes 1"),
        )
    },
}


@pytest.mark.parametrize(("text", "expected"), WRONG.values(), ids=WRONG)
def test_what_cannot_work_is_a_sentence(
    problems: Callable[..., str], text: str, expected: str
) -> None:
    said = problems(text)
    assert expected in said
    assert "\n" not in said


def test_what_works_is_taken(load: Callable[..., Config]) -> None:
    request = "request: {ca_file: null, token_file: config.yaml, headers: {X-Key: 'a b'}}"
    text = lists(f'urls: {{a: "https://[::1]:8443/live"}}, {request}, id: "merge(a, b, c).id"')
    listed = load(text).lists["l"]
    assert listed.urls == {"a": "https://[::1]:8443/live"}
    assert listed.request.ca_file is None
    assert listed.id == "merge(a, b, c).id"
