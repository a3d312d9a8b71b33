"""The Grafana dashboards as code: `python -m dashboards` writes the JSON that users install."""

import importlib
import warnings

with warnings.catch_warnings():
    # The SDK recommends a newer kind of dashboard, which Grafana 10 and 11 cannot read. It warns
    # when these modules are imported, so they are imported here first, with warnings off.
    warnings.simplefilter("ignore", DeprecationWarning)
    for _module in ("builders.dashboard", "models.dashboardv2beta1"):
        importlib.import_module(f"grafana_foundation_sdk.{_module}")
