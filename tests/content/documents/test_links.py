"""Every link between the documents leads somewhere, and so does every document that is named."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "dashboards").glob("*.md")),
    *sorted((ROOT / "benchmarks").glob("*.md")),
]
#: What names documents in messages and comments.
NAMING = [
    *sorted((ROOT / "exporter").rglob("*.py")),
    *sorted((ROOT / "exporter").rglob("*.yaml")),
    *sorted((ROOT / "exporter").rglob("*.html")),
    *sorted((ROOT / "alerts").rglob("*.yml")),
    ROOT / "config.yaml",
]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def anchors(document: Path) -> frozenset[str]:
    """Those of the headings, as GitHub makes them; of equal ones, of the first alone."""
    text = re.sub(r"(?ms)^```.*?^```", "", document.read_text("utf-8"))
    headings = re.findall(r"^#+ (.+)", text, re.MULTILINE)
    return frozenset(re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading_in_it(document: Path) -> None:
    text = re.sub(r"(?ms)^```.*?^```", "", document.read_text("utf-8"))
    lost = []
    for path, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", text):
        if path.startswith(("https://", "http://")):
            continue
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(f"{path}#{anchor}")
    assert lost == []


def test_every_document_that_a_message_or_a_comment_names_exists() -> None:
    lost = {
        f"{name_of(each)}: {named}"
        for each in NAMING
        for named in re.findall(r"\bdocs/[\w/.-]+\.md\b", each.read_text("utf-8"))
        if not (ROOT / named).exists()
    }
    assert lost == set()
    assert "docs/configuration.md" in (ROOT / "exporter/config/load.py").read_text("utf-8")
