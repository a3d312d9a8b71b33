"""The JSON schema for editors."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from exporter.config import json_schema

EXAMPLE = Path(__file__).parents[3] / "config.yaml"


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def source(**keys: object) -> dict[str, Any]:
    return {"databases": {"app": {"dsn": ""}}, "sources": {"chat": keys}}


def test_it_accepts_the_example(validator: Draft202012Validator) -> None:
    validator.validate(yaml.safe_load(EXAMPLE.read_text(encoding="utf-8")))


GOOD = {
    "keys of ours": source() | {"x-anchors": [1, 2]},
    "all from the defaults": source() | {"defaults": {"orphaned_after": "2h"}},
    "a column": source(started_at="a"),
    "an integer column": source(started_at={"column": "a", "epoch": "ms"}),
    "several databases": source(database=["app"]),
    "a variable for a number": source(alert_above="${ABOVE:-5}"),
    "a variable for a duration": source(every="${EVERY}"),
    "nothing": source(labels=None, integrity=None, show=None, daily=None, recovery=None),
    "a duration of parts": source(every="1h30m"),
    "an expression to show": source(show=["a", {"b": "c"}]),
    "a limit whose key is in the list": source(list="calls", limit_per={"max": 1}),
    "numbers as values of a label": source(labels={"a": {"value": "a", "values": ["b", 1]}}),
}
BAD = {
    "a misspelt key of a source": source(evry="1m"),
    "a misspelt key of a database": {"databases": {"app": {"dns": ""}}, "sources": {}},
    "a misspelt section": source() | {"default": {}},
    "a misspelt key inside": source(daily={"day": 1}),
    "a duration without a unit": source(every="30"),
    "a number as a duration": source(every=30),
    "an empty duration": source(every=""),
    "a negative number": source(alert_above=-1),
    "an unknown mode": source(recovery={"mode": "off"}),
    "a boolean as an expression": source(active=False),
    "a reserved label": source(labels={"le": {"value": "a", "values": ["b"]}}),
    "a label without values": source(labels={"a": {"value": "a", "values": []}}),
    "a limit without its number": source(limit_per={"key": "who"}),
    "no database": {"databases": {}, "sources": {"a": {}}},
    "no sources": {"databases": {"app": {"dsn": ""}}},
    "a database without a dsn": {"databases": {"app": {}}, "sources": {"a": {}}},
    "a name with a space": {"databases": {"my app": {"dsn": ""}}, "sources": {"a": {}}},
    "the name of a source inside it": source(name="chat"),
}


@pytest.mark.parametrize("document", GOOD.values(), ids=GOOD)
def test_it_accepts(validator: Draft202012Validator, document: dict[str, Any]) -> None:
    validator.validate(document)


@pytest.mark.parametrize("document", BAD.values(), ids=BAD)
def test_it_refuses(validator: Draft202012Validator, document: dict[str, Any]) -> None:
    assert not validator.is_valid(document)


def test_every_key_has_a_description() -> None:
    schema = json_schema()
    forms = [form for each in schema["$defs"].values() for form in each.get("anyOf", [each])]
    properties = [each.get("properties", {}) for each in (schema, *forms)]
    keys = [(name, key) for group in properties for name, key in group.items()]
    assert len(keys) > 40
    assert [name for name, key in keys if not key.get("description")] == []
