"""Labels by which counts are split."""

from typing import Annotated

from pydantic import Field

from exporter.config.fields.model import Model, NonEmptyList
from exporter.config.fields.parser import ExpectedError, Parser
from exporter.config.fields.sql import Sql
from exporter.config.fields.values import name_like

FORM = "[a-zA-Z_][a-zA-Z0-9_]*"
RESERVED = "database|source|date|le|kind|instance|job|__.*"

LabelName = Annotated[str, name_like(f"a label name ({FORM})", FORM, RESERVED)]


def _parse_value(value: object) -> str:
    """Return a text; a whole number stands for its digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value or "\0" in value:
        raise ExpectedError("a text", "put it in quotes")
    if value == "other":
        raise ExpectedError("a value besides other", "other is always there; leave it out")
    return str(value)


_VALUE = {"type": ["string", "integer"], "minLength": 1, "not": {"const": "other"}}
LabelValue = Annotated[str, Parser(_parse_value, _VALUE)]


class Label(Model):
    """A label by which counts are split."""

    value: Sql = Field(examples=["difficulty"])
    """The value of the label: a column or an expression."""
    values: NonEmptyList[LabelValue] = Field(
        examples=["[BEGINNER, PRO]"], json_schema_extra={"minItems": 1}
    )
    """Values that are counted separately; all others, and NULL, count as other."""
