"""The types of expressions, determined by PostgreSQL; an error is reported with its key."""

from exporter.errors import BadData, SchemaMismatch, SourceError
from exporter.postgres import Reader
from exporter.queries import array, fill, literal
from exporter.sessions.relation import Relation
from exporter.sessions.sql_names import chains
from exporter.text import some_of

# Type OIDs from src/include/catalog/pg_type.dat; they never change.
_TYPES = {16: "boolean", 20: "bigint", 21: "smallint", 23: "integer", 25: "text", 700: "real"}
_TYPES |= {701: "double precision", 705: "text", 1043: "character varying", 1082: "date"}
_TYPES |= {1114: "timestamp without time zone", 1184: "timestamp with time zone"}
_TYPES |= {1186: "interval", 1700: "numeric"}
_TYPES |= {114: "json", 142: "xml", 2249: "row", 2287: "array of rows"}
ROWS = {"row", "array of rows"}
WHOLE_NUMBERS = {"bigint", "smallint", "integer"}
NUMBERS = WHOLE_NUMBERS | {"real", "double precision", "numeric"}

_ONE_VALUE = "expected one value of each row"
#: Expressions that do not, by the SQLSTATE of the refusal as a condition.
_OF_SEVERAL_ROWS = {
    "0A000": "a function that returns a set",
    "42803": "an aggregate function",
    "42P20": "a window function",
}


async def types_of(reader: Reader, found: Relation, expressions: dict[str, str]) -> dict[str, str]:
    """Ask PostgreSQL for the type of each expression; a mistake is reported with its key."""
    items = [f"({text})" for text in expressions.values()]
    statement = fill(
        "collection/types",
        expressions=",\n".join(items),
        conditions="\nOR ".join(f"{item} IS NULL" for item in items),
        table=found.sql,
    )
    try:
        (result,) = await reader.read(statement)
    except (SchemaMismatch, BadData) as error:
        key, text, is_condition = _find_failing(error, statement, expressions)
        if is_condition and error.state in _OF_SEVERAL_ROWS:
            what = _OF_SEVERAL_ROWS[error.state]
            raise SchemaMismatch(f"{key}: {_ONE_VALUE}, got {what}; write a subquery") from None
        hint = await _hint_at(reader, found, text, error)
        sentence = f"{str(error).rstrip('.')}; {hint}" if hint else str(error)
        raise type(error)(f"{key}: {sentence}" if key else sentence) from None
    if len(result.types) != len(expressions):
        # `s.*` is a value in a condition, and in a list all columns.
        keys = [key for key, text in expressions.items() if _has_all_columns(text)]
        raise SchemaMismatch(f"{some_of(keys)}: {_ONE_VALUE}, got all columns; name one")
    names = (_TYPES.get(oid, f"type {oid}") for oid in result.types)
    return dict(zip(expressions, names, strict=True))


async def with_names(reader: Reader, types: dict[str, str]) -> dict[str, str]:
    """The same types for people: those that are not known here by their names in the catalog."""
    names: dict[str, str] = dict(
        await reader.rows(fill("collection/hints/type_names", types=array(set(types.values()))))
    )
    return {key: names.get(type_, type_) for key, type_ in types.items()}


def _find_failing(
    error: SourceError, statement: str, expressions: dict[str, str]
) -> tuple[str, str, bool]:
    """The key and the text of the expression at PostgreSQL's error position.

    And whether the position is in the conditions, after the list.
    """
    start = 0
    for is_condition in (False, True):
        for key, text in expressions.items():
            start = statement.index(text, start)
            if error.position is not None and start < error.position <= start + len(text) + 1:
                return key, text, is_condition
            start += len(text)
    return "", "", False


def _has_all_columns(text: str) -> bool:
    return any(each.of_row == "*" and not each.is_in_subquery for each in chains(text))


async def _hint_at(reader: Reader, found: Relation, text: str, error: SourceError) -> str:
    """A suggestion: single quotes for a text in double quotes, or another value of an enum."""
    if isinstance(error, SchemaMismatch):
        quoted = [each.names[0] for each in chains(text) if each.is_quoted and len(each.names) == 1]
        wrong = [name for name in quoted if name not in found.columns]
        return f"a text is written {literal(wrong[0])}, in single quotes" if wrong else ""
    labels: dict[str, list[str]] = dict(
        await reader.rows(fill("collection/hints/enum_labels", oid=str(found.oid)))
    )
    taken = [
        f"{name} takes {some_of(map(literal, labels[name]))}"
        for name in found.columns_in([text])
        if name in labels
    ]
    return some_of(taken, between="; ")
