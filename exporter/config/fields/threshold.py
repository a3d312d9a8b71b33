"""The silence after which a session is orphaned: a duration, or an interval of each row."""

import re
from typing import Annotated

from pydantic import Field

from exporter.config.fields.model import Model
from exporter.config.fields.numbers import SECONDS, parse_duration
from exporter.config.fields.parser import ExpectedError, Parser
from exporter.config.fields.sql import Sql

#: What no misspelt duration has.
_LIKE_SQL = re.compile(r"[._(:]")


class RowThreshold(Model):
    """The threshold of each row itself: a job's expiry, a session's time-out."""

    sql: Sql = Field(examples=["s.expire_in"])
    """An expression that gives an interval."""


def _parse_threshold(value: object) -> float | RowThreshold:
    if isinstance(value, RowThreshold):
        return value
    if isinstance(value, dict):
        return RowThreshold.model_validate(value, by_name=False)
    try:
        return parse_duration(value)
    except ExpectedError as error:
        if isinstance(value, str) and not error.advice and _LIKE_SQL.search(value):
            error.advice = (
                "for a threshold of each row write sql: inside orphaned_after, and behind it an "
                "expression that gives an interval"
            )
        raise


_OF_ROW = {
    "additionalProperties": False,
    "properties": {"sql": {"minLength": 1, "type": "string"}},
    "required": ["sql"],
    "type": "object",
}
Threshold = Annotated[
    float | RowThreshold, Parser(_parse_threshold, {"anyOf": [SECONDS.schema, _OF_ROW]})
]
