"""Loads config.yaml into a Config, or reports every problem in it."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import Field

from exporter.config.build import Builder
from exporter.config.database import DatabaseSettings
from exporter.config.evidence import ListSource, OwnerSource
from exporter.config.fields.model import FrozenMapping, Model, find_sql_keys
from exporter.config.file.document import Document
from exporter.config.file.yaml_composer import MAX_DEPTH, MAX_NODES, TooLargeError
from exporter.config.file.yaml_errors import SqlKeys, explain
from exporter.config.file.yaml_reader import parse
from exporter.config.listed_source import AnySource, ListedSource
from exporter.config.source import Source
from exporter.errors import ConfigError, Problem

MAX_BYTES = 2 * 1024 * 1024


class Config(Model):
    """The whole config file."""

    path: Path
    digest: str  # of the file's bytes; values of environment variables do not change it
    databases: FrozenMapping[str, DatabaseSettings]
    sources: FrozenMapping[str, Source]
    owners: FrozenMapping[str, OwnerSource] = Field({}, validate_default=True)
    lists: FrozenMapping[str, ListSource] = Field({}, validate_default=True)
    listed: FrozenMapping[str, ListedSource] = Field({}, validate_default=True)
    """The sources without a table."""

    @property
    def all_sources(self) -> Mapping[str, AnySource]:
        """The sources with and without a table."""
        return {**self.sources, **self.listed}


def load_config(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """Read the config file; raises ConfigError with everything that is wrong with it."""
    content = read_file(path, "docs/configuration.md begins with one")
    variables = os.environ if environ is None else environ
    document = parse_text(path, content, variables, find_sql_keys(Source))
    builder = Builder(document, path.parent)
    file = builder.build()
    if file is None or document.problems:
        raise ConfigError(str(path), document.problems)
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Config(
        path=path,
        digest=digest,
        databases=file.databases,
        sources=file.sources,
        owners=file.owners,
        lists=file.lists,
        listed=builder.listed,
    )


def read_file(path: Path, advice: str) -> bytes:
    """Read a config file; raises ConfigError, with the advice if the file does not exist."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        message = f"there is no such file; {advice}"
    except IsADirectoryError:
        message = "expected a file, got a directory"
    except (OSError, ValueError) as error:
        message = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    else:
        if len(content) <= MAX_BYTES:
            return content
        message = f"expected at most {MAX_BYTES // 1024**2} MiB"
    raise ConfigError(str(path), [Problem(0, "", message)])


def parse_text(
    path: Path, content: bytes, environ: Mapping[str, str] | None, sql_keys: SqlKeys
) -> Document:
    """Parse a config file; raises ConfigError where it is not YAML.

    Without variables of the environment, `${` is text like any other.
    """
    try:
        text = content.decode("utf-8-sig")
        return parse(text, environ)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = Problem(line, "", "expected UTF-8 text, got other bytes; save the file as UTF-8")
    except yaml.YAMLError as error:
        problem = explain(error, text, sql_keys)
    except TooLargeError:
        limit = f"{MAX_NODES} values in at most {MAX_DEPTH} levels, with all aliases written out"
        problem = Problem(0, "", f"expected at most {limit}")
    raise ConfigError(str(path), [problem])
