"""The observation of a source, and the plan of a recovery by hand."""
