"""The SQL templates, one commented file per query, and the only way to fill them.

A placeholder takes finished SQL: what `identifier`, `literal` or an expression from the config
file gave. Nothing is ever bound, because a bound value in a predicate keeps a partial index from
matching once the plan is generic, and nothing goes through a format string, because expressions
contain `%` and `{}` of their own.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import resources
from string import Formatter

from psycopg import sql  # noqa: TID253 - quotes; it never connects

#: Of a name, in bytes; PostgreSQL cuts longer ones silently (NAMEDATALEN).
LONGEST_NAME = 63

#: What a template selects and why it is shaped so: for readers, and not sent.
_HEADER = re.compile(r"\A(?:--.*\n)+")

#: Whether an element of an array needs no quotes: it is no NULL, and has none of the syntax.
_is_plain = re.compile(r"(?!null\Z)[\w.:+-]+", re.ASCII | re.IGNORECASE).fullmatch


class Template:
    """A text with placeholders, taken apart once: it is filled for every source."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._pieces = [(before, name) for before, name, *_ in Formatter().parse(text)]

    def fill(self, parts: Mapping[str, str]) -> str:
        """The text with each placeholder replaced by its part; there may be more parts."""
        filled: list[str] = []
        for before, name in self._pieces:
            filled += (before,) if name is None else (before, parts[name])
        return "".join(filled).strip()


@cache
def _template(name: str) -> Template:
    text = resources.files(__name__).joinpath(f"{name}.sql").read_text(encoding="ascii")
    return Template(_HEADER.sub("", text))


def fill(name: str, **parts: str) -> str:
    """Return the template `queries/<name>.sql` with every `{placeholder}` replaced by SQL text."""
    return _template(name).fill(parts)


@lru_cache(maxsize=4096)  # those of a table are quoted for each of its statements
def identifier(*names: str) -> str:
    """Quote a name, or a qualified name, so that any spelling is safe."""
    return sql.Identifier(*names).as_string(None)


def fit_name(name: str, ending: str = "") -> str:
    """A name with its ending; one that is too long is cut and made unique by a digest."""
    encoded = f"{name}{ending}".encode()
    if len(encoded) > LONGEST_NAME:
        ending = f"_{hashlib.sha256(encoded).hexdigest()[:8]}{ending}"
        name = encoded[: LONGEST_NAME - len(ending)].decode(errors="ignore")
    return f"{name}{ending}"


def literal(value: str | float) -> str:
    """Quote a value so that it can stand in a statement."""
    return sql.Literal(value).as_string(None).strip()


def text_or_null(value: str | None) -> str:
    """Quote a text, or NULL where there is none."""
    return "NULL" if value is None else literal(value)


def join_lines(parts: list[str], indent: int = 4) -> str:
    """Join select items or conditions with commas, one per line."""
    return (",\n" + " " * indent).join(parts)


def array(texts: Iterable[str]) -> str:
    """Quote texts as one array literal: there may be thousands, while rows are locked."""
    elements = [text if _is_plain(text) else _quoted(text) for text in texts]
    return literal(f"{{{','.join(elements)}}}")


def _quoted(element: str) -> str:
    escaped = element.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
