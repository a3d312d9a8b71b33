"""Names of sources: that of the table, with its schema where two have one name."""

import re
from collections import Counter
from collections.abc import Sequence

from exporter.discover.facts import Table

LONGEST = 60


def source_names(tables: Sequence[Table]) -> dict[int, str]:
    """The name of each by its oid, each once."""
    plain = {each.oid: _name(each.name) for each in tables}
    taken = Counter(plain.values())
    names = {
        each.oid: plain[each.oid]
        if taken[plain[each.oid]] == 1
        else _name(f"{each.schema}_{each.name}")
        for each in tables
    }
    seen = Counter[str]()
    for oid, name in names.items():
        seen[name] += 1
        if seen[name] > 1:
            names[oid] = f"{name[: LONGEST - 4]}_{seen[name]}"
    return names


def _name(text: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")[:LONGEST] or "sessions"
    return plain if not plain[0].isdigit() else f"t{plain}"[:LONGEST]
