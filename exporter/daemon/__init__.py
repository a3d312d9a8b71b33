"""The daemon: collects on a schedule and serves the results."""
