"""Environment variables in the values of the config file: `${NAME}` and `${NAME:-default}`."""

import re
from collections.abc import Callable, Mapping

from exporter.config.file.document import Text

# In this order: an escaped one, a well-formed one, the beginning of a malformed one.
_REFERENCE = re.compile(
    r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>(?:(?!\$\{)[^}])*))?\}|\$\{"
)


def substitute(text: Text, environ: Mapping[str, str], reject: Callable[[str], None]) -> Text:
    """Return the text with its references replaced; `reject` gets a message for each wrong one."""
    used = []

    def replacement(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if match[0] == "$${":
            return "${"
        if name is None:
            reject("expected ${NAME} or ${NAME:-default}; $${ writes a plain ${")
            return ""
        used.append(name)
        # As in a shell, :- stands in for an empty value too.
        found = environ.get(name) or default if default is not None else environ.get(name)
        if found is None:
            advice = f"set it, or give a default: ${{{name}:-...}}"
            reject(f"the environment variable {name} is not set; {advice}")
            return ""
        try:
            found.encode()
        except UnicodeEncodeError:
            reject(f"the environment variable {name} does not hold UTF-8 text")
        return found

    filled = _REFERENCE.sub(replacement, text)
    return Text(filled, comment=text.comment, variables=tuple(dict.fromkeys(used)))
