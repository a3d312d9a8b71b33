"""The three dashboards: one module each, with its variables, annotations and rows."""
