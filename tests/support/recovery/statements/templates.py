"""What is in the templates of exporter/queries, changed for one test."""

import pytest
from psycopg import sql

from exporter import queries


class Templates:
    """Changes in this process alone, undone with the test's other patches."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace the one place where a template has `old`."""
        before = queries._template
        text = before(name).as_string(None)
        assert text.count(old) == 1, f"{name}.sql has {text.count(old)} times {old!r}"
        changed = sql.SQL(text.replace(old, new))
        self._patch.setattr(
            queries, "_template", lambda each: changed if each == name else before(each)
        )
