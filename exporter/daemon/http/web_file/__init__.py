"""The file of --web.config.file, which is in the format of Prometheus' exporter-toolkit."""
