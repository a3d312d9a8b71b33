"""All files of the content, and how they are written into a folder."""

from collections.abc import Iterator
from pathlib import Path

from exporter.content import packaged
from exporter.content.commands import prefix_in_runbook
from exporter.content.options import DOCUMENTS, RUNBOOKS, ContentOptions, RulesFormat
from exporter.content.rules import write_rules
from exporter.content.template import render
from exporter.errors import ExporterError

RULES_FILES = {
    RulesFormat.PROMETHEUS: "session-exporter.rules.yml",
    RulesFormat.OPERATOR: "session-exporter.prometheusrule.yml",
}
ALERTMANAGER_FILE = "alertmanager.yml"


def content_files(options: ContentOptions) -> Iterator[tuple[str, str]]:
    """Each file as its path below the folder, and its text."""
    yield RULES_FILES[options.format], write_rules(options)
    yield ALERTMANAGER_FILE, write_alertmanager(options)
    for path in sorted(packaged.DASHBOARDS.glob("*.json")):
        text = path.read_text(encoding="utf-8")
        yield f"dashboards/{path.name}", text.replace(RUNBOOKS, options.runbook_url)
    for path in sorted(packaged.RUNBOOKS.glob("*.md")):
        # What they link beside each other is written too, and the other documents are not.
        text = path.read_text(encoding="utf-8").replace("](../", f"]({DOCUMENTS}/")
        yield f"runbooks/{path.name}", prefix_in_runbook(text, options.command_prefix)


def write_alertmanager(options: ContentOptions) -> str:
    """The example of a config for Alertmanager."""
    values = {
        "separating": ", ".join(options.separating),
        "dashboards": options.grafana_url is not None,
    }
    return render("alertmanager.yml", values)


def write_content(options: ContentOptions, folder: Path) -> list[Path]:
    """Write all files, replacing those of the same names; raises ExporterError."""
    written = []
    for name, text in content_files(options):
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ExporterError(f"cannot write {path}: {error.strerror}") from error
        written.append(path)
    return written
