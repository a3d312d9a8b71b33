"""The parts of the output of `session-exporter sql …`."""
