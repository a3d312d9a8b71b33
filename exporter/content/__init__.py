"""What a monitoring system installs: rules, an example for Alertmanager, dashboards, runbooks."""
