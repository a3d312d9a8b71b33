"""The documents of docs/: the runbooks, the configuration, and what is in fenced blocks."""

import re
import shlex
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "runbooks"
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}

#: What everyone needs, what a source may declare besides, and the rest.
CONFIGURATION = {
    name: (DOCS / path).read_text(encoding="utf-8")
    for name, path in {
        "start": "configuration.md",
        "more": "configuration/more.md",
        "rarely": "configuration/rarely.md",
    }.items()
}


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language, also those inside a list."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def commands(text: str, command: str) -> list[list[str]]:
    """How a program is called, in blocks and in the text."""
    lines = "".join(blocks(text, "sh")).splitlines()
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    found = (
        re.search(rf"(?:^|[ '|]){command} ([^|>']*(?:'[^']*'[^|>']*)*)", line)
        for line in [*lines, *spans]
    )
    return [shlex.split(each[1]) for each in found if each]
