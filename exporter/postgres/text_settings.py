"""The settings that make the conversion of values to text and back exact for every role.

The time zone is that of the source; the text of a time with a zone has its offset.
"""

from exporter.queries import literal

TEXT_SETTINGS = {
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",  # a number has all its digits
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmloption": "content",
}


def text_settings() -> str:
    """Select items that set them for the transaction."""
    return ",\n    ".join(
        f"pg_catalog.set_config({literal(name)}, {literal(value)}, true)"
        for name, value in TEXT_SETTINGS.items()
    )
