"""The SQL templates, one commented file per query, and the only way to fill them.

A placeholder is replaced by finished SQL: the result of `identifier` or `literal`, or an expression
from the config file. Values are never bound, because with a bound value a generic plan cannot use a
partial index. Format strings are not used, because expressions contain `%` and `{}`.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import resources
from string import Formatter

from psycopg import sql  # noqa: TID253 - quotes; it never connects

#: Maximum length of a name, in bytes; PostgreSQL truncates longer names silently (NAMEDATALEN).
LONGEST_NAME = 63

#: The leading comment of a template: for readers, not sent.
_HEADER = re.compile(r"\A(?:--.*\n)+")

#: Matches an array element that needs no quotes: not NULL, and without syntax characters.
_is_plain = re.compile(r"(?!null\Z)[\w.:+-]+", re.ASCII | re.IGNORECASE).fullmatch


class Template:
    """A text with placeholders, parsed once and filled for every source."""

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


@lru_cache(maxsize=4096)  # the names of a table are quoted for each of its statements
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
