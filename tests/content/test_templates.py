"""The SQL templates: each is read by some code, and plain ASCII."""

from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "exporter"
FOLDER = PACKAGE / "queries"
NAMES = sorted(
    path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.sql")
)
CODE = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))

#: Read one after the other, by what is in the folder.
STEPS = "recovery/audit/steps/"

every_template = pytest.mark.parametrize("name", NAMES)


@every_template
def test_it_has_no_letter_that_an_encoding_may_lack(name: str) -> None:
    assert (FOLDER / f"{name}.sql").read_bytes().isascii()


@every_template
def test_some_code_reads_it(name: str) -> None:
    folder, _, stem = name.rpartition("/")
    is_chosen = f"{folder}/{{" in CODE and f'"{stem}"' in CODE
    assert name.startswith(STEPS) or f'"{name}"' in CODE or f"'{name}'" in CODE or is_chosen
