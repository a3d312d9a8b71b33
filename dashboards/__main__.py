"""Writes the dashboards beside this file: `make dashboards`."""

from pathlib import Path

from dashboards import exporter, overview, source
from dashboards.classic import Page, text

FOLDER = Path(__file__).parent / "json"


def pages() -> list[Page]:
    """Return every dashboard, as its readers come to them."""
    return [overview.page(), source.page(), exporter.page()]


def main() -> None:
    """Write one file for each dashboard, called after its uid, and remove what is none any more."""
    written = {FOLDER / f"{page.uid}.json": text(page) for page in pages()}
    FOLDER.mkdir(exist_ok=True)
    for path in set(FOLDER.glob("*.json")) - set(written):
        path.unlink()
    for path, content in written.items():
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
