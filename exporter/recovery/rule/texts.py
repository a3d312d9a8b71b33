"""Columns as texts in the audit: writing, comparison with the row, and restoring.

A text is the result of the type's output function (PostgreSQL documentation, format()), because a
cast to text or to json can be user-defined; the input function restores it. IS DISTINCT FROM
distinguishes NULL from a composite of NULLs. The row is `s`; the audit row is `a`.
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
    """Whether these columns of the row have the values that recovery wrote; never NULL.

    The written values are converted to the present type of the column, which may have been altered
    since. A column that the audit row does not have is not compared.
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
    """The old values of the columns, as a row; an unchanged column keeps its value."""
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
    """The columns of the record `b`, converted from texts by the input functions of their types."""
    definitions = [
        f"{identifier(each.name)} {'text' if each.is_json else each.type}" for each in columns
    ]
    return ", ".join(definitions or ["session_exporter_none text"])


def _value(column: Column) -> str:
    # jsonb_to_record() would convert the text of a JSON value to a JSON string.
    cast = f"::{column.type}" if column.is_json else ""
    return f"b.{identifier(column.name)}{cast}"
