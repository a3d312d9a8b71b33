"""Fields of requests: URLs, paths of files, and JMESPath expressions."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from exporter.config.fields.parser import VARIABLE, ExpectedError, Parser


def _parse_url(value: object) -> str:
    expected = "a URL that begins with https:// or http://"
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s\0]+", value):
        raise ExpectedError(expected)
    if not _has_server(value):
        raise ExpectedError(expected, "it needs a host, and a port from 1 to 65535")
    return str(value)


def _has_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


Url = Annotated[
    str, Parser(_parse_url, {"type": "string", "pattern": f"^(https?://[^\\s]+)$|{VARIABLE}"})
]


def _parse_file_path(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ExpectedError("the path of a file", "omit the key for the default")
    return str(value)


#: The file may be on another machine than the one that checks the config.
FilePath = Annotated[str, Parser(_parse_file_path)]


def _parse_path(value: object) -> str:
    """Return a JMESPath expression as written."""
    if not isinstance(value, str) or not value.strip():
        raise ExpectedError("a JMESPath expression", "put it in quotes")
    import jmespath  # noqa: PLC0415 - most configs have no evidence over HTTP
    from jmespath.exceptions import JMESPathError  # noqa: PLC0415

    try:
        compiled = jmespath.compile(value)
    except (JMESPathError, ValueError) as error:
        reason = " ".join(str(error).split("\n")[0].split())
        reason = re.sub(r"^Invalid jmespath expression: |, for expression:?$|:$", "", reason)
        raise ExpectedError("a JMESPath expression", _lower(reason)) from None
    for called, arguments in _calls(compiled.parsed):
        _check_call(called, arguments)
    return str(value)


def _lower(reason: str) -> str:
    return re.sub(r":$", "", reason[:1].lower() + reason[1:])


def _calls(node: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The functions that an expression calls, and with how many arguments."""
    if node["type"] == "function_expression":
        yield node["value"], len(node["children"])
    for child in node["children"]:
        if isinstance(child, Mapping):
            yield from _calls(child)


def _check_call(called: str, arguments: int) -> None:
    from jmespath.functions import Functions  # noqa: PLC0415 - as above

    known = Functions.FUNCTION_TABLE
    if called not in known:
        there_are = f"there is no function {called}; there are: {', '.join(sorted(known))}"
        raise ExpectedError("a JMESPath expression", there_are)
    signature = known[called]["signature"]
    is_open = bool(signature) and signature[-1].get("variadic", False)
    if arguments < len(signature) or (arguments > len(signature) and not is_open):
        takes = f"{len(signature)}{' or more' if is_open else ''}"
        wrong = f"{called}() has {arguments} arguments, and takes {takes}"
        raise ExpectedError("a JMESPath expression", wrong)


PATH = Parser(_parse_path)
JmesPath = Annotated[str, PATH]
