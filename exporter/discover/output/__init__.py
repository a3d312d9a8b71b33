"""What was found, as YAML and as JSON."""
