"""SessionId: the columns that identify a session, and all SQL that compares, orders or writes them.

Elsewhere a session is one text, its key: the text of the only column, or for several columns a JSON
array of their texts, as jsonb prints it. In the audit it is an array with an element for each
column. Values are compared by the operator of their type. The row is `s`; an audit row is `a`.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass

from exporter.queries import array, fill, identifier, join_lines, literal
from exporter.sessions.relation import Column

#: An id as a person gives it: a text, or one for each column where there are several.
GivenId = str | tuple[str, ...]


def id_text(parts: str | tuple[str | None, ...]) -> str:
    """An id for people; for several columns a JSON array, with null for NULL."""
    return parts if isinstance(parts, str) else json.dumps(parts, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class SessionId:
    """One column or several, which are unique together; no session has NULL in one of them."""

    columns: tuple[Column, ...]
    may_be_shared: bool = False
    """Whether rows may have the same id: of other partitions, or of child tables."""

    @property
    def names(self) -> str:
        return ", ".join(each.name for each in self.columns)

    @property
    def column_names(self) -> list[str]:
        return [each.name for each in self.columns]

    @property
    def type(self) -> str:
        return ", ".join(each.type for each in self.columns)

    @property
    def is_single(self) -> bool:
        return len(self.columns) == 1

    @property
    def order(self) -> str:
        """ORDER BY expressions for the id."""
        return ", ".join(self._values("s"))

    @property
    def is_complete(self) -> str:
        """Whether a row has one; never NULL."""
        complete = [f"{each} IS NOT NULL" for each in self._values("s")]
        return complete[0] if self.is_single else f"({' AND '.join(complete)})"

    @property
    def parts(self) -> dict[str, str]:
        """The parts of templates that concern the id."""
        values, numbered = self._values("s"), range(1, len(self.columns) + 1)
        found = [f"session_exporter_id_{number}" for number in numbered]
        columns = zip(values, found, strict=True)
        return {
            "key": self.key(),
            "id": self.order,
            "id_row": values[0] if self.is_single else f"ROW({', '.join(values)})",
            "has_id": self.is_complete,
            "id_columns": join_lines([f"{value} AS {name}" for value, name in columns], 8),
            "is_found": self._equals([f"e.{name}" for name in found]),
            "is_of_audit": self._equals(self._of_audit),
            "has_as_many": self._has_as_many,
            "audit_key": self._audit_key,
            "audited": self.array("session_exporter_session"),
        }

    def key(self, longest: int | None = None) -> str:
        """The key of a row, with no more characters of each column than `longest`."""
        texts = [f"({value})::text" for value in self._values("s")]
        if longest is not None:
            texts = [f"pg_catalog.left({text}, {longest})" for text in texts]
        if self.is_single:
            return texts[0]
        return f"pg_catalog.jsonb_build_array({', '.join(texts)})::text"

    def is_one_of(self, keys: Collection[str]) -> str:
        """Whether a row has one of these keys."""
        if self.is_single:
            return self.is_in(array(keys))
        texts = zip(*map(json.loads, keys), strict=True)
        return self._is_in([array(dict.fromkeys(each)) for each in texts], array(keys))

    def is_in(self, keys: str) -> str:
        """Whether a row has one of the keys of an array, as SQL."""
        if self.is_single:
            return self._is_in([keys], keys)
        texts = self._texts("k.session_exporter_key")
        return self._is_in(
            [
                fill("recovery/rule/parts", part=f"({text})::{column.type}", keys=keys)
                for text, column in zip(texts, self.columns, strict=True)
            ],
            keys,
        )

    def _is_in(self, values: list[str], keys: str) -> str:
        """Whether each column has one of its values, an array, and together they are a key.

        The first finds rows by the unique index, and the second is exact. A join with the keys
        would have no statistics, and might compare every row with every key. Arrays of different
        lengths are no values of an array: a column of these is compared by the key alone.
        """
        found = [
            f"{value} {column.operator('=')} ANY ({each}::{column.type}[])"
            for value, column, each in zip(self._values("s"), self.columns, values, strict=True)
            if not column.is_array
        ]
        if self.is_single and found:
            return found[0]
        return f"({' AND '.join([*found, f'{self.key()} = ANY ({keys}::text[])'])})"

    def is_given(self, given: GivenId, *, in_audit: bool = False) -> str:
        """Whether a row, or an audit row, has this id; NULL or false if it has none.

        There is no cast, because a cast to varchar(5) would truncate a longer id to that of another
        row.
        """
        texts = (given,) if isinstance(given, str) else given
        return self._equals(
            [literal(each) for each in texts], self._of_audit if in_audit else self._values("s")
        )

    def is_other(self) -> str:
        """Whether the row `o` has the same id."""
        return self._equals(self._values("o"))

    def is_audited_as(self, key: str) -> str:
        """Whether an audit row is about the session of a key; uses the index of the audit."""
        same = [f"a.session[1] = {self._texts(key)[0]}", self._has_as_many]
        if not self.is_single:
            same.append(f"{self._audit_key} = {key}")
        return " AND ".join(same)

    def as_json(self, key: str) -> str | list[str]:
        """The id of a key for programs: a list where it has several columns."""
        return key if self.is_single else list(json.loads(key))

    def follows(self, key: str) -> str:
        """Whether a row comes after a key (a value, not SQL) in the order of the columns."""
        texts = [key] if self.is_single else json.loads(key)
        values, condition = self._values("s"), ""
        for value, column, text in reversed([*zip(values, self.columns, texts, strict=True)]):
            bound = f"{literal(text)}::{column.type}"
            after = f"{value} {column.operator('>')} {bound}"
            if condition:
                after = f"({after} OR ({value} {column.operator('=')} {bound} AND {condition}))"
            condition = after
        return condition

    def array(self, key: str) -> str:
        """An array with the text of each column, of a key."""
        return f"ARRAY[{', '.join(self._texts(key))}]"

    @property
    def _has_as_many(self) -> str:
        """Whether an audit row has this number of columns; otherwise `id` was different then."""
        return f"pg_catalog.cardinality(a.session) = {len(self.columns)}"

    @property
    def _audit_key(self) -> str:
        return "a.session[1]" if self.is_single else "pg_catalog.to_jsonb(a.session)::text"

    def _values(self, row: str) -> list[str]:
        return [f"{row}.{identifier(each.name)}" for each in self.columns]

    def _texts(self, key: str) -> list[str]:
        if self.is_single:
            return [key]
        return [f"(({key})::jsonb ->> {number})" for number in range(len(self.columns))]

    @property
    def _of_audit(self) -> list[str]:
        """The values in an audit row; NULL if it has another number of columns.

        CASE, because an id of other columns may not be a value of these types.
        """
        return [
            f"(CASE WHEN {self._has_as_many} THEN a.session[{number}] END)::{column.type}"
            for number, column in enumerate(self.columns, 1)
        ]

    def _equals(self, others: list[str], values: list[str] | None = None) -> str:
        """Whether each column equals the other value."""
        compared = zip(values or self._values("s"), self.columns, others, strict=True)
        same = [f"{value} {column.operator('=')} {other}" for value, column, other in compared]
        return same[0] if self.is_single else f"({' AND '.join(same)})"
