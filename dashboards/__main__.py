"""Writes the dashboards to `json/`: `make dashboards`."""

from pathlib import Path

from dashboards.export import Page, format_json
from dashboards.pages import exporter, overview, source

FOLDER = Path(__file__).parent / "json"


def build_pages() -> list[Page]:
    """Return every dashboard, in the order in which readers open them."""
    return [overview.build_page(), source.build_page(), exporter.build_page()]


def main() -> None:
    """Write one file for each dashboard, named after its uid, and remove obsolete files."""
    written = {FOLDER / f"{page.uid}.json": format_json(page) for page in build_pages()}
    FOLDER.mkdir(exist_ok=True)
    for path in set(FOLDER.glob("*.json")) - set(written):
        path.unlink()
    for path, content in written.items():
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
