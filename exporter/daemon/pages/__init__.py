"""What is served: the metrics page and the status page."""
