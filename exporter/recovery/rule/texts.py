"""Columns as texts in the audit: how they are written there, compared with the row, and restored.

A text is what the output function of the type gives (PostgreSQL documentation, format()), because a
cast to text or to json can be the user's own; its input function restores it. Where NULL is not the
same as a composite of NULLs, IS DISTINCT FROM tells them apart. The row is `s`; the audit's is `a`.
"""

from collections.abc import Iterable, Mapping

from exporter.queries import fill, identifier, join_lines, literal
from exporter.sessions.relation import Column


def json_object(values: Mapping[str, str]) -> str:
    """A jsonb object of these expressions by key."""
    pairs = (f"{literal(name)}, ({text})" for name, text in values.items())
    return f"pg_catalog.jsonb_build_object({', '.join(pairs)})"


def texts_of(names: Iterable[str]) -> str:
    """The texts of columns of the row as one object."""
    return json_object({name: _text(f"s.{identifier(name)}") for name in names})


def is_unchanged(columns: Iterable[Column]) -> str:
    """Whether the row has what recovery has written to these columns; never NULL.

    What was written takes the type that the column has now, which may have been altered since. A
    column that the audit row does not have is not compared.
    """
    columns = list(columns)
    written = json_object({each.name: _text(_value(each)) for each in columns})
    present = json_object(
        {
            each.name: f"CASE WHEN a.after ? {literal(each.name)}::text "
            f"THEN {_text(f's.{identifier(each.name)}')} END"
            for each in columns
        }
    )
    definitions = _definitions(columns)
    return fill(
        "recovery/undo/is_unchanged", written=written, present=present, definitions=definitions
    )


def restored(columns: Iterable[Column]) -> str:
    """What the columns were before, as a row; one that closing did not change stays as it is."""
    columns = list(columns)
    values = []
    for each in columns:
        key = f"{literal(each.name)}::text"
        was_changed = f"a.before -> {key} IS DISTINCT FROM a.after -> {key}"
        now = f"s.{identifier(each.name)}"
        values.append(f"CASE WHEN {was_changed} THEN {_value(each)} ELSE {now} END")
    definitions = _definitions(columns)
    return fill("recovery/undo/restored", values=join_lines(values), definitions=definitions)


def _text(value: str) -> str:
    return f"CASE WHEN {value} IS DISTINCT FROM NULL THEN pg_catalog.format('%s', {value}) END"


def _definitions(columns: Iterable[Column]) -> str:
    """The columns of the record `b`, which the input functions of their types make of texts."""
    definitions = [
        f"{identifier(each.name)} {'text' if each.is_json else each.type}" for each in columns
    ]
    return ", ".join(definitions or ["session_exporter_none text"])


def _value(column: Column) -> str:
    # jsonb_to_record() would take the text of a JSON value as a JSON string.
    cast = f"::{column.type}" if column.is_json else ""
    return f"b.{identifier(column.name)}{cast}"
