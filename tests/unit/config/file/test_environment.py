"""Environment variables in values."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from exporter.config import Config, Source

VALUES = {
    "${NAME}": "value",
    "a ${NAME} b ${OTHER}": "a value b ${NAME}",
    "${NAME:-default}": "value",
    "${MISSING:-default}": "default",
    "${MISSING:-}x": "x",
    "${EMPTY:-default}": "default",
    "${EMPTY}x": "x",
    "${MISSING:-a:-b $x}": "a:-b $x",
    "$${NAME}": "${NAME}",
    "$$${NAME}": "$${NAME}",
    "$NAME $1 $$": "$NAME $1 $$",
}


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_texts_take_variables(load_source: Callable[..., Source], text: str, value: str) -> None:
    environ = {"NAME": "value", "EMPTY": "", "OTHER": "${NAME}"}
    labels = load_source(f"labels: {{a: {{value: a, values: ['{text}']}}}}", environ=environ).labels
    assert labels["a"].values == (value,)


def test_variables_are_put_in_everywhere_inside_a_value(load_source: Callable[..., Source]) -> None:
    source = load_source(
        "labels: {size: {value: '${COLUMN}', values: ['${ONE}', two]}}",
        "show: ['${COLUMN}', {hours: '${COLUMN}'}]",
        environ={"COLUMN": "c", "ONE": "one"},
    )
    assert source.labels["size"].value == "c"
    assert source.labels["size"].values == ("one", "two")
    assert [shown.sql for shown in source.show] == ["c", "c"]


def test_numbers_durations_and_choices_can_be_wholly_a_variable(
    load_source: Callable[..., Source],
) -> None:
    source = load_source(
        "alert_above: ${ALERT_ABOVE:-7}",
        "every: ${EVERY}",
        "id: id",
        "recovery: {mode: '${MODE}', set: {open: false}, end_at: now}",
        environ={"EVERY": "1m30s", "MODE": "dry_run"},
    )
    assert (source.alert_above, source.every, source.recovery.mode) == (7, 90, "dry_run")


def test_a_number_in_quotes_is_not_a_number(problems_of_source: Callable[..., str]) -> None:
    assert "expected a whole number, got '7'" in problems_of_source("alert_above: '7'")


def test_no_message_guesses_at_what_a_variable_holds(
    problems_of_source: Callable[..., str],
) -> None:
    message = "expected a time zone such as Europe/Berlin, got the value of ${ZONE}"
    environ = {"ZONE": "Europe/Berln"}
    assert problems_of_source("timezone: ${ZONE}", environ).endswith(message)


def test_what_begins_with_x_is_left_alone_until_it_is_used(
    load_source: Callable[..., Source], problems: Callable[..., str]
) -> None:
    text = """\
x-unused: {where: "${MISSING}"}
x-used: &used {table: t, active: a, started_at: b, orphaned_after: 2h, where: "${MISSING}"}
databases: {app: {dsn: ""}}
sources: {a: *used}
"""
    assert problems(text) == (
        "config.yaml:2: sources.a.where: the environment variable MISSING is not set; "
        "set it, or give a default: ${MISSING:-...}"
    )


def test_nothing_of_the_model_remembers_where_its_text_came_from(
    load: Callable[..., Config],
) -> None:
    """Or a dsn would be a str of another kind, which psycopg and pickle treat in other ways."""
    config = load(
        """
databases: {app: {dsn: "${A}"}}
sources:
  a:
    table: t
    active: ${A}
    started_at: a
    orphaned_after: 2h
    labels: {size: {value: a, values: [a]}}
    show: [a, {b: c}]
    integrity: {d: e}
    recovery: {mode: disabled}
    database: [app]
    timezone: Asia/Tokyo
""",
        {"A": "a"},
    )

    def texts(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, tuple):
            for item in value:
                yield from texts(item)
        elif hasattr(value, "items"):
            yield from texts((*value.keys(), *value.values()))
        elif hasattr(value, "__dict__"):
            yield from texts(vars(value))

    found = list(texts(config))
    assert "c" in found
    assert {type(text) for text in found} == {str}
