"""session-exporter: watches session tables in PostgreSQL for sessions that never end."""

__version__ = "0.1.0"

VERSION_LINE = f"session-exporter {__version__}"
