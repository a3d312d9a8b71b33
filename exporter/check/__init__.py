"""Checks config.yaml against its databases: what `check --live` reports."""
