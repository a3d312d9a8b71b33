"""The number of ids that an answer has in another spelling, and in which."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice
from urllib.parse import unquote

#: Transformations of both sides, simple ones first.
_SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "without blanks around them": str.strip,
    "in lower case": str.casefold,
    "without dashes": lambda text: text.replace("-", ""),
    "in lower case and without dashes": lambda text: text.casefold().replace("-", ""),
    "without braces": lambda text: text.strip("{}"),
    "without \\x": lambda text: text.casefold().removeprefix("\\x").removeprefix("0x"),
    "without zeros in front": lambda text: text.lstrip("0"),
    "with the escapes of URLs resolved": unquote,
}

#: The number of ids for which prefixes and suffixes are tried.
_SAMPLES = 1000


def spelling_hint(absent: Collection[str], present: Collection[str]) -> str:
    """Return how many of the absent ids would be present, as a sentence; empty if none would."""
    counts = Counter[str]()
    for how, spell in _SPELLINGS.items():
        spelled = {spell(each) for each in present}
        counts[how] = sum(spell(each) in spelled for each in absent)
    for how, number in _affixes(frozenset(absent), frozenset(present)):
        counts[how] = max(number, counts[how])
    (how, number), *_ = counts.most_common(1)
    return f"{number} of {len(absent)} would match {how}" if number else ""


def _affixes(absent: frozenset[str], present: frozenset[str]) -> Iterator[tuple[str, int]]:
    """A prefix or suffix of the ids on one side, and how many ids match without it."""
    sides = ((present, absent, "of the answer"), (absent, present, "of the table"))
    for longer, shorter, whose in sides:
        prefixes, suffixes = Counter[str](), Counter[str]()
        for each in islice(longer, _SAMPLES):
            cuts = range(1, len(each))
            prefixes.update(each[:cut] for cut in cuts if each[cut:] in shorter)
            suffixes.update(each[cut:] for cut in cuts if each[:cut] in shorter)
        for affix, _ in prefixes.most_common(1):
            if not affix.isdecimal():  # 12 is not 2 with a prefix
                fit = sum(affix + each in longer for each in shorter)
                yield f"without {affix!r} in front of those {whose}", fit
        for affix, _ in suffixes.most_common(1):
            if not affix.isdecimal():
                fit = sum(each + affix in longer for each in shorter)
                yield f"without {affix!r} after those {whose}", fit
