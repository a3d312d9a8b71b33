"""Applications that are recognised by a table of theirs: what their session table means.

Each file in `applications` is one application at a version of it; pg-boss has two.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from exporter.queries import identifier


@dataclass(frozen=True, slots=True)
class KnownApplication:
    """A session table as the source code of its application describes it."""

    name: str
    version: str
    """The version whose source code or schema was read; others may differ."""
    table: str
    columns: tuple[str, ...]
    """Four columns that the table has in this version, and hardly any other of its name."""
    source: str
    """The name proposed for the source."""
    settings: Mapping[str, Any]
    """The keys of the source as in config.yaml, in their order, without `table`, a threshold that
    is a duration, and recovery; `{schema}` in a text is the schema of the table."""
    closing: str
    """How the application itself ends such a session, and what SQL would bypass."""
    threshold: str | None = None
    """`orphaned_after` as a duration; None: the settings have one of each row."""
    question: str | None = None
    """What to ask before the threshold is taken; None: it follows from the application."""
    covers: tuple[str, ...] = ()
    """Other tables of the application in the same schema, which are no sources of their own."""
    remarks: tuple[str, ...] = ()
    """What the reader of the config should know, a sentence or two each."""

    def matches(self, relation: str, columns: Collection[str]) -> bool:
        """Whether a relation of this name with these columns is the application's table."""
        return relation == self.table and set(self.columns) <= set(columns)

    def settings_in(self, schema: str) -> dict[str, Any]:
        """The keys of the source where the tables are in this schema."""
        quoted = identifier(schema)
        return {key: _placed(value, quoted) for key, value in self.settings.items()}


def find_application(relation: str, columns: Collection[str]) -> KnownApplication | None:
    """The application whose session table is a relation of this name with these columns."""
    found = (each for each in known_applications() if each.matches(relation, columns))
    return next(found, None)


@cache
def known_applications() -> tuple[KnownApplication, ...]:
    """All of them, by the names of their files."""
    groups = files(__package__).joinpath("applications").iterdir()
    paths = [path for group in groups if group.is_dir() for path in group.iterdir()]
    paths = [path for path in paths if path.name.endswith(".yaml")]
    return tuple(_read(path) for path in sorted(paths, key=lambda path: path.name))


def _read(path: Traversable) -> KnownApplication:
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key in ("columns", "covers", "remarks"):
        data[key] = tuple(data.get(key, ()))
    return KnownApplication(**data)


def _placed(value: object, schema: str) -> object:
    """The value with the schema in each of its texts."""
    match value:
        case str():
            return value.replace("{schema}", schema)
        case dict():
            return {key: _placed(each, schema) for key, each in value.items()}
        case list():
            return [_placed(each, schema) for each in value]
    return value
