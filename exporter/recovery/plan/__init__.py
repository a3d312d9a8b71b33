"""What a recovery would do now: what it observes of a source, and the plan of one by hand."""
