"""Environment variables in the values of the config file: `${NAME}` and `${NAME:-default}`."""

import re
from collections.abc import Mapping

from exporter.config.file.document import Document, KeyPath, Text

# In this order: an escaped one, a well-formed one, the beginning of a malformed one.
_REFERENCE = re.compile(
    r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>(?:(?!\$\{)[^}])*))?\}|\$\{"
)


def substitute(document: Document, environ: Mapping[str, str]) -> None:
    """Replace the references in every text of the document; report those that are wrong to it."""
    if isinstance(document.data, dict):
        document.data = {
            # A key that begins with x- is ignored; where an alias uses its value, that is filled.
            key: value if key.startswith("x-") else _fill(document, (key,), value, environ)
            for key, value in document.data.items()
        }


def _fill(document: Document, path: KeyPath, value: object, environ: Mapping[str, str]) -> object:
    if isinstance(value, dict):
        return {k: _fill(document, (*path, k), v, environ) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill(document, (*path, i), v, environ) for i, v in enumerate(value)]
    if not isinstance(value, Text) or "${" not in value:
        return value

    used = []

    def replacement(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if match[0] == "$${":
            return "${"
        if name is None:
            document.reject(path, "expected ${NAME} or ${NAME:-default}; $${ writes a plain ${")
            return ""
        used.append(name)
        # As in a shell, :- stands in for an empty value too.
        found = environ.get(name) or default if default is not None else environ.get(name)
        if found is None:
            advice = f"set it, or give a default: ${{{name}:-...}}"
            document.reject(path, f"the environment variable {name} is not set; {advice}")
            return ""
        try:
            found.encode()
        except UnicodeEncodeError:
            document.reject(path, f"the environment variable {name} does not hold UTF-8 text")
        return found

    filled = _REFERENCE.sub(replacement, value)
    return Text(filled, comment=value.comment, variables=tuple(dict.fromkeys(used)))
