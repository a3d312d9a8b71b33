"""Names of sources: that of the table, with its schema where two have one name."""

import re
from collections import Counter
from collections.abc import Sequence

from exporter.discover.facts import TableFacts
from exporter.discover.known import find_application

LONGEST = 60


def source_names(tables: Sequence[TableFacts]) -> dict[int, str]:
    """The name of each by its oid, each once."""
    plain = {each.oid: _name(_own_name(each)) for each in tables}
    taken = Counter(plain.values())
    names = {
        each.oid: plain[each.oid]
        if taken[plain[each.oid]] == 1
        else _name(f"{each.schema}_{_own_name(each)}")
        for each in tables
    }
    seen = Counter[str]()
    for oid, name in names.items():
        seen[name] += 1
        if seen[name] > 1:
            names[oid] = f"{name[: LONGEST - 4]}_{seen[name]}"
    return names


def _own_name(table: TableFacts) -> str:
    application = find_application(table.name, table.columns)
    return table.name if application is None else application.source


def _name(text: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")[:LONGEST] or "sessions"
    return plain if not plain[0].isdigit() else f"t{plain}"[:LONGEST]
