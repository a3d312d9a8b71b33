"""The configs of the demo: the documented example, and the applications with sessions in memory."""

import os
from collections.abc import Mapping
from pathlib import Path

from exporter.config import Config, load_config

_PACKED = Path(__file__).with_name("config.yaml")
_IN_REPOSITORY = Path(__file__).parents[2] / "config.yaml"
#: The sources that the demo adds to it.
APPLICATIONS_CONFIG = Path(__file__).with_name("live_applications.yaml")
CONFIG = _PACKED if _PACKED.exists() else _IN_REPOSITORY


def load_example(dsn: str) -> Config:
    """Read the example with this dsn for its database."""
    return load_config(CONFIG, {**os.environ, "DATABASE_URL": dsn})


def load_live_applications(dsn: str, urls: Mapping[str, str]) -> Config:
    """Read the config of the applications; `urls` are the variables that name them."""
    return load_config(APPLICATIONS_CONFIG, {**os.environ, **urls, "DATABASE_URL": dsn})


def load_demo(dsn: str, urls: Mapping[str, str]) -> Config:
    """Read both as one."""
    example, applications = load_example(dsn), load_live_applications(dsn, urls)
    parts = {
        part: {**getattr(example, part), **getattr(applications, part)}
        for part in ("sources", "listed", "owners", "lists")
    }
    return example.model_copy(update=parts)
