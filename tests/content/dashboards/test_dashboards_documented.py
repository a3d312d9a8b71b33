"""docs/dashboards.md names what there is, and what it says to do can be done."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from dashboards.exported_json import FILES, find_panels, load
from dashboards.links import TITLES
from exporter.cli.app import app

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")
PROVISIONING = ROOT / "dashboards" / "provisioning"
BLOCKS = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)


def section(heading: str) -> str:
    return DOCUMENT.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def table(head: str) -> list[list[str]]:
    """The rows of the table whose head begins like this."""
    block = DOCUMENT[DOCUMENT.index(f"| {head} ") :].split("\n\n")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()[2:]
    ]


def test_every_dashboard_is_documented_with_its_uid() -> None:
    documented = {row[1].strip("`"): row[0] for row in table("dashboard")}
    assert documented == TITLES


def test_the_rows_of_each_dashboard_are_documented_in_order() -> None:
    columns = zip(*table(" | ".join(TITLES.values())), strict=True)
    documented = [[cell for cell in column if cell] for column in columns]
    found = {path.stem: load(path)["panels"] for path in FILES}
    assert documented == [
        [panel["title"] for panel in found[uid] if panel["type"] == "row"] for uid in TITLES
    ]


@pytest.mark.parametrize("heading", ["Grafana", "Kubernetes"])
def test_five_lines_install_them(heading: str) -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", section(heading), re.DOTALL)
    assert len(block.splitlines()) <= 5


def test_every_path_of_the_repository_exists() -> None:
    named = set(re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", DOCUMENT))
    for name in named - {""}:
        assert (ROOT / "docs" / name).exists(), name
    for name in re.findall(r"(?<![\w/])dashboards/[\w./*-]+", " ".join(BLOCKS)):
        assert list(ROOT.glob(name.rstrip("/"))), name
    for row in table("file"):
        for name in re.findall(r"`([^`]+)`", row[0]):
            assert (ROOT / "dashboards" / name).exists(), name


def test_every_file_of_the_package_is_listed_or_serves_one_that_is() -> None:
    listed = {name for row in table("file") for name in re.findall(r"`([^`]+)`", row[0])}
    root = ROOT / "dashboards"
    found = {path.relative_to(root) for path in root.rglob("*.py")}
    entries = {f"{path.parts[0]}/" if path.parent.name else path.name for path in found}
    assert entries - listed == {"__init__.py", "__main__.py"}


def test_headings_that_are_linked_to_exist() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in DOCUMENT.splitlines()
        if line.startswith("#")
    }
    assert set(re.findall(r"\(#([^)]+)\)", DOCUMENT)) <= headings


def test_grafana_looks_where_the_files_are_copied_to() -> None:
    providers = yaml.safe_load((PROVISIONING / "dashboards.yml").read_text(encoding="utf-8"))
    (provider,) = providers["providers"]
    assert providers["apiVersion"] == 1
    assert provider["type"] == "file"
    assert provider["allowUiUpdates"] is False
    assert f"dashboards/json/*.json {provider['options']['path']}/" in DOCUMENT
    assert f"mkdir -p {provider['options']['path']}\n" in DOCUMENT


def test_the_provisioned_data_source_is_of_the_kind_that_the_dashboards_let_choose_from() -> None:
    sources = yaml.safe_load((PROVISIONING / "datasources.yml").read_text(encoding="utf-8"))
    (source,) = sources["datasources"]
    for path in FILES:
        assert load(path)["templating"]["list"][0]["query"] == source["type"]
    assert "timeInterval" in source["jsonData"]
    assert "uid" not in source


def test_the_command_replaces_the_address_of_the_runbooks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = [each for each in BLOCKS if each.startswith("session-exporter content")]
    result = CliRunner().invoke(app, shlex.split(block)[1:])
    assert result.exit_code == 0, result.output
    for path in (tmp_path / "monitoring" / "dashboards").iterdir():
        text = path.read_text(encoding="utf-8")
        assert "https://wiki.example.org/session-exporter/" in text
        assert "github.com" not in text


def test_server_side_apply_is_needed_as_the_document_says() -> None:
    # kubectl apply keeps the object in an annotation, and annotations end at 256 KiB.
    assert sum(path.stat().st_size for path in FILES) > 256 * 1024


def test_make_dashboards_is_a_target_with_a_line_of_help() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "make dashboards" in DOCUMENT
    assert "\ndashboards: .venv/dev.stamp\n\t$(BIN)/python -m dashboards\n" in makefile
    assert "'make dashboards " in makefile
    assert " dashboards " in makefile[makefile.index(".PHONY") :].splitlines()[0]


def test_the_texts_for_no_data_and_the_titles_that_are_quoted_are_shown() -> None:
    texts = {
        panel["fieldConfig"]["defaults"]["noValue"]
        for path in FILES
        for panel in find_panels(load(path))
    }
    assert {"unknown", "no orphan known", "rules not loaded?"} <= texts
    titles = {panel["title"] for path in FILES for panel in find_panels(load(path))}
    for quoted in ("Alerts", "Age of counts", "Sources above threshold", "Started today"):
        assert f"*{quoted}*" in DOCUMENT
        assert any(title.startswith(quoted) for title in titles)
    for quoted in ("*unknown*", "*no orphan known*", "*rules not loaded?*"):
        assert quoted in DOCUMENT
