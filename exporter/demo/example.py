"""The documented example, which the demo runs with."""

import os
from pathlib import Path

from exporter.config import Config, load_config

_PACKED = Path(__file__).with_name("config.yaml")
_IN_REPOSITORY = Path(__file__).parents[2] / "config.yaml"
CONFIG = _PACKED if _PACKED.exists() else _IN_REPOSITORY


def load_example(dsn: str) -> Config:
    """Read the example with this dsn for its database."""
    return load_config(CONFIG, {**os.environ, "DATABASE_URL": dsn})
