"""Checks config.yaml against its databases: the findings of `check --live`."""
