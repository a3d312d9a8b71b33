"""The daemon: collects on a schedule and serves what it has found."""
