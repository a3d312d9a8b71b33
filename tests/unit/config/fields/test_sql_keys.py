"""The keys that take SQL are found in the models, and each of them gets help with YAML."""

import operator
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from exporter.config import Source
from exporter.config.fields.model import find_sql_keys, keys_of, models_in
from exporter.config.file.yaml_errors import SqlKeys

KEYS = find_sql_keys(Source)
WRONG = "a; b"
REFUSALS = ("SQL expression without ;", "a table such as", "a function such as")


def all_models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in keys_of(model).values():
        for inner in models_in(field.annotation):
            yield from all_models(inner)


def refuses(annotation: Any, value: object) -> bool:
    """Whether the value is refused as SQL."""
    try:
        TypeAdapter(annotation).validate_python(value, by_name=False)
    except ValidationError as error:
        return any(words in each["msg"] for each in error.errors() for words in REFUSALS)
    return False


def test_they_are_those_that_refuse_wrong_sql() -> None:
    """Whatever the models are made of: what counts is which value is refused as SQL."""
    keys, parents = set(), set()
    for model in all_models(Source):
        for key, field in keys_of(model).items():
            annotation = operator.getitem(Annotated, (field.annotation, None, *field.metadata))
            if refuses(annotation, WRONG):
                keys.add(key)
            elif any(refuses(annotation, value) for value in ([{"x": WRONG}], {"x": WRONG})):
                parents.add(key)
    assert SqlKeys(frozenset(keys), frozenset(parents)) == KEYS
    assert {"where", "column", "value", "table", "end_at", "exempt"} <= keys
    assert parents == {"integrity", "show", "set", "returning"}


@pytest.mark.parametrize("key", sorted(KEYS.keys))
def test_a_key_that_takes_sql_is_shown_as_a_block(
    problems_of_source: Callable[..., str], key: str
) -> None:
    block = f'write it as a block:\n    {key}: |\n      "a" IS NULL'
    assert problems_of_source(f'{key}: "a" IS NULL').endswith(block)


@pytest.mark.parametrize("parent", sorted(KEYS.parents))
@pytest.mark.parametrize("dash", ["", "- "])
def test_an_item_that_is_sql_is_shown_as_a_block(
    problems_of_source: Callable[..., str], parent: str, dash: str
) -> None:
    block = 'write it as a block:\n    x: |\n      "a" IS NULL'
    assert problems_of_source(f'{parent}:\n  {dash}x: "a" IS NULL').endswith(block)


@pytest.mark.parametrize("key", ["timezone", "every", "dsn", "url", "mode"])
def test_no_other_key_is(problems_of_source: Callable[..., str], key: str) -> None:
    assert "as a block" not in problems_of_source(f'{key}: "a" IS NULL')
