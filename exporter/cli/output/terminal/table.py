"""Tables: complete in a pipe; on a terminal as wide as it is, wrapped at words.

Where the columns do not fit beside each other, each row becomes a block with a line for each of its
values, as psql's expanded display does.
"""

from collections.abc import Iterable, Iterator, Sequence

from exporter.cli.output.terminal.screen import Screen, stdout_screen
from exporter.text import columns_of, printable

#: Of a value on a terminal, in characters; a pipe gets all of it, as --format json does.
LONGEST_VALUE = 400

#: A longer word may be broken, in columns.
LONGEST_WORD = 24

_GAP = "  "


class Id(str):
    """A cell that is never broken and never cut: people copy it."""

    __slots__ = ()


class Above(str):
    """A cell that is above its limit."""

    __slots__ = ()


def table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], screen: Screen | None = None
) -> str:
    """The rows below their headers; without a screen, as stdout can show them."""
    screen = stdout_screen() if screen is None else screen
    shown = [[_safe(cell, screen) for cell in row] for row in rows]
    columns = list(zip(headers, *shown, strict=True))
    widths = [max(map(columns_of, column)) for column in columns]
    if screen.width is not None and _total(widths) > screen.width:
        minima = list(map(_minimum, columns))
        if _total(minima) > screen.width:
            return "\n".join(_blocks(headers, shown, screen))
        widths = _shrunk(columns, minima, screen.width)
    return "\n".join(line for row in (headers, *shown) for line in _lines(row, widths, screen))


def _safe(cell: str, screen: Screen) -> str:
    """A cell that cannot harm the terminal, of the same kind."""
    text = printable(cell)
    if screen.width is not None and len(text) > LONGEST_VALUE and not isinstance(cell, Id):
        text = f"{text[:LONGEST_VALUE]}…"
    return type(cell)(text)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _minimum(column: Sequence[str]) -> int:
    """As narrow as a column may become."""
    return max(
        columns_of(cell)
        if isinstance(cell, Id)
        else max((min(columns_of(word), LONGEST_WORD) for word in cell.split()), default=0)
        for cell in column
    )


def _shrunk(columns: Sequence[Sequence[str]], minima: Sequence[int], most: int) -> list[int]:
    """The widths of columns, of which the widest are lowered until they fit.

    Width that a column does not need once it is wrapped goes to the column that lacks most.
    """
    natural = [max(map(columns_of, column)) for column in columns]
    cap, widths = max(natural), natural
    while _total(widths) > most:
        cap -= 1
        widths = [max(low, min(width, cap)) for width, low in zip(natural, minima, strict=True)]
    needed = [
        max(columns_of(line) for cell in column for line in _wrapped(cell, width))
        for column, width in zip(columns, widths, strict=True)
    ]
    lacks = [whole - width for whole, width in zip(natural, needed, strict=True)]
    needed[lacks.index(max(lacks))] += most - _total(needed)
    return needed


def _lines(row: Sequence[str], widths: Sequence[int], screen: Screen) -> Iterator[str]:
    """A row of the table, which has as many lines as its highest cell."""
    cells = [_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, cells))):
        parts = list[str]()
        for cell, lines, width in zip(row, cells, widths, strict=True):
            text = lines[number] if number < len(lines) else ""
            padding = " " * (width - columns_of(text))
            parts.append(
                (screen.above(text) if isinstance(cell, Above) and text else text) + padding
            )
        yield _GAP.join(parts).rstrip()


def _blocks(headers: Sequence[str], rows: Sequence[Sequence[str]], screen: Screen) -> Iterator[str]:
    """Each row as a block: a header and its value in a line, wrapped behind the header."""
    label = max(map(columns_of, headers))
    rest = max((screen.width or 0) - label - len(_GAP), LONGEST_WORD)
    for number, row in enumerate(rows):
        if number:
            yield ""
        for header, cell in zip(headers, row, strict=True):
            padding = " " * (label - columns_of(header))
            first, *more = _wrapped(cell, rest)
            shown = screen.above(first) if isinstance(cell, Above) else first
            yield f"{header}{padding}{_GAP}{shown}".rstrip()
            yield from (f"{' ' * label}{_GAP}{each}" for each in more)


def _wrapped(cell: str, width: int) -> list[str]:
    """The lines of a cell; a word is broken only where it is wider than the column."""
    if isinstance(cell, Id) or columns_of(cell) <= width:
        return [cell]
    lines = [""]
    for word in cell.split():
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if columns_of(longer) <= width:
            lines[-1] = longer
            continue
        if not lines[-1]:
            lines.pop()
        lines += _broken(word, width)
    return lines


def _broken(word: str, width: int) -> Iterator[str]:
    part = ""
    for character in word:
        if part and columns_of(part + character) > width:
            yield part
            part = ""
        part += character
    yield part
