"""The templates of exporter/queries, changed for one test."""

import pytest

from exporter import queries
from exporter.queries import Template
from tests.support.recovery.statements.changes import Change
from tests.support.recovery.statements.names import recorded


class Templates:
    """Changes in this process alone, undone with the test's other patches."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def change(self, name: str, change: Change) -> None:
        """Change one template, which has to have what is changed."""
        before = queries._template
        text = before(name).text
        changed = change.make(text)
        assert changed != text, f"{name}.sql is the same {change}"
        template = recorded(name, Template(changed))
        self._patch.setattr(
            queries, "_template", lambda each: template if each == name else before(each)
        )
