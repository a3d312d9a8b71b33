"""JSON of the API: plain ASCII without NaN or infinity, times as ISO 8601 in UTC."""

import json
import math
from collections.abc import Iterable, Mapping

from exporter.daemon.pages.yielding import yielding


def seconds(number: float | None) -> float | None:
    """A length of time in milliseconds; None where it is unknown or infinite."""
    return None if number is None or not math.isfinite(number) else round(number, 3)


def dumps(value: object) -> str:
    """One value. Nothing in it can end a script or begin a tag, should a browser sniff."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e")


def document(head: Mapping[str, object], name: str, items: Iterable[object]) -> bytes:
    """An object with the values of `head`, and a list of items that are encoded one by one.

    So a thread that encodes thousands of them gives way to the event loop.
    """
    start = dumps(head)[:-1]
    listed = ",".join(map(dumps, yielding(items)))
    return f"{start},{dumps(name)}:[{listed}]}}\n".encode()
