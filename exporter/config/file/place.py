"""Where a value of the config file stands, and what a message about it must know."""

import re
from typing import Final

KeyPath = tuple[str | int, ...]

MISSING: Final = object()


class Text(str):
    """A text of the file; compares and prints as one, and remembers how it came about."""

    __slots__ = ("comment", "variables")

    comment: str
    """What follows on its line after a `#` that ended it: YAML's comment may be SQL's operator."""
    variables: tuple[str, ...]
    """The environment variables whose values are in it, so that no message prints them."""

    def __new__(cls, text: str, comment: str = "", variables: tuple[str, ...] = ()) -> "Text":
        """Return the text; a str is made before __init__ could set anything."""
        self = super().__new__(cls, text)
        self.comment = comment
        self.variables = variables
        return self


def lookup(data: object, path: KeyPath) -> object:
    """Return what stands at the path, or MISSING."""
    for part in path:
        if isinstance(data, list) and isinstance(part, int):
            data = data[part] if part < len(data) else MISSING
        else:
            data = data.get(part, MISSING) if isinstance(data, dict) else MISSING
    return data


def dotted(path: KeyPath) -> str:
    """Return the path as messages write it: sources.training.show[0]."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{printable(part)}" for part in path)
    return "".join(parts).removeprefix(".")


def printable(text: str) -> str:
    """Return the text on one line and short; what may be a connection string is not repeated."""
    if may_hold_password(text):
        return "<not shown>"
    line = text if text.isprintable() else repr(str(text))[1:-1]
    return line if len(line) <= 80 else f"{line[:77]}..."


def may_hold_password(text: str) -> bool:
    """Tell whether the text looks like a connection string, wherever it stands."""
    return re.search(r"://|pass(word)?\s*=", text, re.IGNORECASE) is not None
