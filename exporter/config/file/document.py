"""A config file as plain data: its values, the location of each, and its problems.

A text takes environment variables, written `${NAME}` and `${NAME:-default}`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from exporter.errors import Problem

KeyPath = tuple[str | int, ...]

MISSING: Final = object()

# A reference to an environment variable: an escaped one, a well-formed one, the beginning of a
# malformed one, in this order.
_REFERENCE = re.compile(
    r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>(?:(?!\$\{)[^}])*))?\}|\$\{"
)


class Text(str):
    """A text of the file; compares and prints as one, and remembers where it came from."""

    __slots__ = ("comment", "variables")

    comment: str
    """The rest of its line after a `#` that ended it: YAML's comment may be SQL's operator."""
    variables: tuple[str, ...]
    """The environment variables whose values are in it, so that no message prints them."""

    def __new__(cls, text: str, comment: str = "", variables: tuple[str, ...] = ()) -> "Text":
        """Set the attributes here: a str is complete before __init__ runs."""
        self = super().__new__(cls, text)
        self.comment = comment
        self.variables = variables
        return self


def substitute(text: Text, environ: Mapping[str, str], reject: Callable[[str], None]) -> Text:
    """Return the text with its references replaced; `reject` gets a message for each wrong one."""
    used = []

    def replacement(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if match[0] == "$${":
            return "${"
        if name is None:
            reject("expected ${NAME} or ${NAME:-default}; $${ writes a plain ${")
            return ""
        used.append(name)
        # As in a shell, :- stands in for an empty value too.
        found = environ.get(name) or default if default is not None else environ.get(name)
        if found is None:
            advice = f"set it, or give a default: ${{{name}:-...}}"
            reject(f"the environment variable {name} is not set; {advice}")
            return ""
        try:
            found.encode()
        except UnicodeEncodeError:
            reject(f"the environment variable {name} does not hold UTF-8 text")
        return found

    filled = _REFERENCE.sub(replacement, text)
    return Text(filled, comment=text.comment, variables=tuple(dict.fromkeys(used)))


@dataclass
class Document:
    """The data of a config file, with the line and the spelling of each value."""

    data: Any = None
    lines: dict[KeyPath, int] = field(default_factory=lambda: {(): 1})
    spelling: dict[KeyPath, str] = field(default_factory=dict)  # values as the file writes them
    problems: set[Problem] = field(default_factory=set)
    rejected: set[KeyPath] = field(default_factory=set)  # paths that have a problem already

    def reject(self, path: KeyPath, message: str, line: int | None = None) -> None:
        self.rejected.add(path)
        self.problems.add(Problem(line or self.line(path), dotted(path), message))

    def value(self, path: KeyPath) -> object:
        """Return the value at the path, or MISSING."""
        value = self.data
        for part in path:
            if isinstance(value, list) and isinstance(part, int):
                value = value[part] if part < len(value) else MISSING
            else:
                value = value.get(part, MISSING) if isinstance(value, dict) else MISSING
        return value

    def line(self, path: KeyPath) -> int:
        """Return the line of a key, or of the nearest mapping around it where it is missing."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


def dotted(path: KeyPath) -> str:
    """Return the path as messages write it: sources.training.show[0]."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{printable(part)}" for part in path)
    return "".join(parts).removeprefix(".")


def printable(text: str) -> str:
    """Return the text on one line and short; a possible connection string is not repeated."""
    if may_hold_password(text):
        return "<not shown>"
    line = text if text.isprintable() else repr(str(text))[1:-1]
    return line if len(line) <= 80 else f"{line[:77]}..."


def may_hold_password(text: str) -> bool:
    """Return whether the text looks like a connection string, in any key."""
    return re.search(r"://|pass(word)?\s*=", text, re.IGNORECASE) is not None
