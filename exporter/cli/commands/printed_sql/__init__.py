"""The parts of what `session-exporter sql …` prints."""
