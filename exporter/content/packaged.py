"""The dashboards and runbooks: in the wheel beside this module, in the repository elsewhere."""

from pathlib import Path

_REPOSITORY = Path(__file__).parents[2]


def _folder(name: str, in_repository: str) -> Path:
    packed = Path(__file__).with_name(name)
    return packed if packed.exists() else _REPOSITORY / in_repository


DASHBOARDS = _folder("dashboards", "dashboards/json")
RUNBOOKS = _folder("runbooks", "docs/runbooks")
