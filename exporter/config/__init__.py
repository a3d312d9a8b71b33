"""Loads config.yaml into a frozen `Config`; reports every problem at once, each with its line."""

from exporter.config.database import DatabaseSettings
from exporter.config.evidence import (
    HeaderFile,
    HttpSettings,
    KubernetesPods,
    ListSource,
    OwnerSource,
    OwnersOverHttp,
    OwnerTable,
    TimePath,
)
from exporter.config.fields.columns import KeyLimit, Label, OutputColumn, TimeColumn
from exporter.config.fields.numbers import format_duration, parse_duration
from exporter.config.fields.sql import TableName
from exporter.config.fields.threshold import RowThreshold
from exporter.config.listed_source import AnySource, ListedLimit, ListedSource
from exporter.config.load import Config, load_config
from exporter.config.recovery import MODES, Audit, Mark, RecoverySettings, Webhook
from exporter.config.schema import json_schema
from exporter.config.source import DailySettings, Source
