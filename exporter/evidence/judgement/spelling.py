r"""Ids that differ only in how they are written: absence of one of them from an answer is no loss.

Half of the servers may write UUIDs in upper case or with braces, a column may be citext or padded,
JavaScript rounds whole numbers above 2^53, one system composes accents and the other does not, and
what is part of a URL may be escaped. PostgreSQL writes bytes with `\x` in front.
"""

import re
import unicodedata
from collections.abc import Iterable, Set
from urllib.parse import unquote

#: The digits of a whole number that a double holds for sure.
_DIGITS = 15

#: Bytes as PostgreSQL, or a program, writes them in hexadecimal digits.
_BYTES = re.compile(r"(?:\\x|0x)((?:[0-9a-f]{2})+)")


def is_respelled(absent: Iterable[str], present: Set[str]) -> bool:
    """Return whether any absent id is present in another spelling."""
    folded = {_folded(each) for each in absent}
    return bool(folded) and any(_folded(each) in folded for each in present)


def _folded(text: str) -> str:
    """Return the same text for all spellings of an id."""
    if "%" in text:
        text = unquote(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    folded = text.strip().casefold().removeprefix("urn:uuid:")
    if written := _BYTES.fullmatch(folded):
        folded = written[1]
    if folded.isascii() and folded.isdecimal():
        digits = folded.lstrip("0")
        return digits if len(digits) <= _DIGITS else repr(float(digits))
    plain = folded.strip("{}").replace("-", "")
    return plain if len(plain) == 32 else folded
