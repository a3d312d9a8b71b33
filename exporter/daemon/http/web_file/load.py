"""Loads the web config file, or reports every problem in it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from exporter.config import messages
from exporter.config.fields.model import keys_of
from exporter.config.fields.parser import ExpectedError
from exporter.config.file.document import MISSING, Document, KeyPath, dotted
from exporter.config.file.yaml_errors import SqlKeys
from exporter.config.load import parse_text, read_file
from exporter.daemon.http.web_file.contradictions import contradictions, not_honoured
from exporter.daemon.http.web_file.settings import WebSettings
from exporter.errors import ConfigError, Problem

_NO_SQL = SqlKeys(frozenset(), frozenset())
_HASH = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]*")
_SECRET_KEYS = {"cert", "key", "client_ca"}


@dataclass(frozen=True, slots=True)
class WebFile:
    """The contents of the web config file."""

    path: Path
    settings: WebSettings
    warnings: tuple[Problem, ...]
    """Keys of exporter-toolkit that are ignored."""
    lines: Mapping[KeyPath, int]
    """The location of each key."""

    def problem(self, path: KeyPath, message: str) -> Problem:
        """Return a problem with the value of a key, such as a file that cannot be read."""
        return Problem(self.lines.get(path, 0), dotted(path), message)


def load_web_config(path: Path) -> WebFile:
    """Read the web config file; raises ConfigError with all its problems."""
    content = read_file(path, "docs/web.md has an example")
    # No variables of the environment: the format has none.
    document = parse_text(path, content, None, _NO_SQL)
    settings = _build(document, path.parent)
    if settings is None or document.problems:
        raise ConfigError(str(path), map(_masked, document.problems))
    found = not_honoured(document.data or {})
    warnings = tuple(Problem(document.line(key), dotted(key), why) for key, why in found)
    return WebFile(path, settings, warnings, document.lines)


def _build(document: Document, folder: Path) -> WebSettings | None:
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        expected = "a mapping with the keys tls_server_config, http_server_config and "
        _report(document, (), ExpectedError(f"{expected}basic_auth_users"))
        return None
    for path, expected_keys in contradictions(data):
        _report(document, path, expected_keys)
    # A key whose children are all commented out says nothing.
    known = keys_of(WebSettings)
    used = {
        key: value for key, value in data.items() if key not in known or value not in (None, {})
    }
    try:
        return WebSettings.model_validate(used, by_name=False, context=folder)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            loc = each["loc"][:-1] if each["loc"][-1:] == ("[key]",) else each["loc"]
            _report(document, loc, messages.find_expected(each, WebSettings))
    return None


def _report(document: Document, path: KeyPath, problem: ExpectedError | str) -> None:
    if path in document.rejected:
        return
    if isinstance(problem, ExpectedError):
        if not problem.got and _is_secret(path) and document.value(path) is not MISSING:
            problem.got = "a value that is not shown"
        problem = messages.write_sentence(document, path, problem)
    document.reject(path, problem)


def _masked(problem: Problem) -> Problem:
    """Mask hashes, which may also be in a wrong place, such as a key."""
    key, message = (_HASH.sub("<not shown>", each) for each in (problem.key, problem.message))
    return Problem(problem.line, key, message)


def _is_secret(path: KeyPath) -> bool:
    return path[:1] == ("basic_auth_users",) or bool(_SECRET_KEYS.intersection(path[-1:]))
