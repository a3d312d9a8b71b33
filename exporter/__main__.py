"""`python -m exporter` is the command `session-exporter`."""

from exporter.cli import main

main()
