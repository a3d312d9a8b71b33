"""The role play over HTTP: an API whose endpoints share a store or have one each, and its probe."""
