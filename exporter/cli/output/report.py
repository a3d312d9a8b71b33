"""The output of a command that changes sessions: text at once, or one JSON document at the end."""

from types import TracebackType
from typing import Any, Self

from exporter.cli.options import ListFormat
from exporter.text import as_json


class Report:
    """The output from entering to leaving the `with` block, also where that is by an error.

    As JSON it is a list with an object for each database of the source.
    """

    def __init__(
        self, format_: ListFormat, *, has_run: bool = True, has_outcome: bool = True
    ) -> None:
        """Whether the command is about one run, and may have done something after its plan."""
        self._first = {"run": None} if has_run else {}
        self._last = {"outcome": None} if has_outcome else {}
        self._is_json = format_ is ListFormat.JSON
        self._items: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if self._is_json and (self._items or kind is None):
            print(as_json(self._items), flush=True)

    def begin(self, text: str, **values: Any) -> None:  # noqa: ANN401 - anything that JSON has
        """Begin the report of one database; an empty text prints nothing."""
        self._items.append({**self._first, **values, **self._last})
        self.note(text)

    def add(self, text: str, **values: Any) -> None:  # noqa: ANN401 - anything that JSON has
        """Add to the report that was begun last."""
        self._items[-1] |= values
        self.note(text)

    def note(self, text: str) -> None:
        """Print a text that is only for people."""
        if not self._is_json and text:
            print(text, flush=True)
