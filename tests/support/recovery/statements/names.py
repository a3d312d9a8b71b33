"""Which step of a transaction a statement is, by the template that it was filled from."""

from collections.abc import Mapping

import pytest

from exporter import queries
from exporter.queries import Template

#: The templates of the steps that tests halt at.
STEPS = {
    "recovery/close/lock": "lock",
    "recovery/close/close": "write",
    "recovery/undo/lock": "lock",
    "recovery/undo/undo": "write",
}

_filled: dict[str, str] = {}


def record_steps(patch: pytest.MonkeyPatch) -> None:
    """Record each statement that `queries.fill` makes of one of these templates, for one test."""
    template = queries._template
    _filled.clear()
    patch.setattr(queries, "_template", lambda name: recorded(name, template(name)))


def recorded(name: str, template: Template) -> Template:
    """Return the template; what is filled from it is recorded under this name."""
    return _Recorded(name, template) if name in STEPS else template


def step_of(statement: str) -> str | None:
    """Return the step, or None for a statement of another template."""
    assert isinstance(queries._template("recovery/close/lock"), _Recorded), "no step is recorded"
    name = _filled.get(statement.strip())
    return STEPS[name] if name is not None else None


class _Recorded(Template):
    def __init__(self, name: str, template: Template) -> None:
        super().__init__(template.text)
        self._name = name

    def fill(self, parts: Mapping[str, str]) -> str:
        filled = super().fill(parts)
        _filled[filled] = self._name
        return filled
