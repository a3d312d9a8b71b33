"""Whether an expression can be part of an index: only what is immutable can.

PostgreSQL alone knows, and says so only when the index is created. So this rather suspects too
much than too little: a command that is printed must work.
"""

from collections.abc import Iterable
from itertools import pairwise

from exporter.queries import fill, literal
from exporter.relation import Reads, Relation
from exporter.sql_text import Token, calls, code, uses_whole_row

# What follows from settings such as TimeZone is not immutable. Whether a cast does depends on what
# it starts from; these targets are reached by immutable ways only.
_SAFE_CASTS = {"smallint", "int2", "integer", "int", "int4", "bigint", "int8", "boolean", "bool"}
_SAFE_CASTS |= {"numeric", "decimal", "real", "float4", "float8", "double", "uuid"}
# How these are written depends on no setting.
_TEXTS = {"text", "varchar"}
_WRITTEN_ALIKE = {"text", "character varying", "character", "smallint", "integer", "bigint"}
_WRITTEN_ALIKE |= {"numeric", "boolean", "uuid", "json", "jsonb"}
_UNSTABLE = {"select", "localtime", "localtimestamp", "session_user", "user", "timestamp"}
_UNSTABLE |= {"timestamptz", "date", "time", "timetz", "interval"}
_TIMES = ("timestamp", "date", "time")


async def instability(reader: Reads, relation: Relation, texts: Iterable[str]) -> str | None:
    """What in the expressions may give another result for the same row; None: nothing."""
    for text in texts:
        if called := calls(text):
            listed = ", ".join(literal(name) for name in sorted(called))
            (result,) = await reader.read(fill("volatile", names=listed))
            if result.rows:
                return f"{result.rows[0][0]}()"
        if reason := _instability(relation, text):
            return reason
    return None


def _instability(relation: Relation, text: str) -> str | None:
    if uses_whole_row(text):
        return "the whole row"
    has_cast = "cast" in calls(text)
    pieces = [token for token in code(text) if token.kind != "string"]
    types = {relation.columns[name].type.split("(")[0] for name in relation.columns_in([text])}
    safe = _SAFE_CASTS | (_TEXTS if types <= _WRITTEN_ALIKE else set())
    for before, token in pairwise([Token("other", ""), *pieces]):
        is_target = before.text == ":" or (before.value == "as" and has_cast)
        if is_target and token.text != ":" and token.value not in safe:
            return f"::{token.text}" if before.text == ":" else f"CAST to {token.text}"
        is_word = token.kind == "word" and before.text != "."
        if is_word and (token.value in _UNSTABLE or token.value.startswith("current_")):
            return token.text
    # To compare timestamps with and without a zone takes the TimeZone setting.
    times = sorted(each for each in types if each.startswith(_TIMES))
    return f"{' and '.join(times)} side by side" if len(times) > 1 else None
