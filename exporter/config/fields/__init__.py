"""The types of values in a config file, each with its parser and its JSON schema."""
