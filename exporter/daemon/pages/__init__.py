"""The served pages: the metrics page, the status page, the API and the runbooks."""
