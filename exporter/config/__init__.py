"""config.yaml -> frozen `Config`; every problem at once, each with its line."""

from exporter.config.database import DatabaseSettings
from exporter.config.fields.columns import Shown, TimeColumn
from exporter.config.fields.labels import Label
from exporter.config.fields.sql import TableName
from exporter.config.fields.values import format_duration
from exporter.config.load import Config, load_config
from exporter.config.recovery import MODES, Audit, Mark, RecoverySettings, Webhook
from exporter.config.schema import json_schema
from exporter.config.source import Daily, Source

__all__ = [
    "MODES",
    "Audit",
    "Config",
    "Daily",
    "DatabaseSettings",
    "Label",
    "Mark",
    "RecoverySettings",
    "Shown",
    "Source",
    "TableName",
    "TimeColumn",
    "Webhook",
    "format_duration",
    "json_schema",
    "load_config",
]
