"""The kinds of values that a config file has, each with its parser and its JSON schema."""
