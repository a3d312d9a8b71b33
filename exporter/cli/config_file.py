"""Reads the config file that a command is given."""

from pathlib import Path

from exporter.config import Config, load_config
from exporter.errors import ExporterError
from exporter.postgres import dsn_problem


def load(path: Path) -> Config:
    """The config, if this version can connect to its databases; raises ExporterError."""
    config = load_config(path)
    dsns = {f"databases.{each.name}.dsn": each.dsn for each in config.databases.values()}
    dsns |= {
        f"sources.{each.name}.recovery.dsn": each.recovery.dsn
        for each in config.sources.values()
        if each.recovery.dsn is not None
    }
    for key, dsn in dsns.items():
        if problem := dsn_problem(dsn):
            raise ExporterError(f"{path}: {key}: {problem}")
    return config
