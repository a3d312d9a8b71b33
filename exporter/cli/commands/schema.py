"""`session-exporter schema`: the JSON schema of the config file."""

from exporter.config import json_schema
from exporter.text import as_json


def schema() -> None:
    """Print the JSON schema of the config file.

    Editors check and complete the file with it.
    """
    print(as_json(json_schema()))
