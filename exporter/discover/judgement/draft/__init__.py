"""The source that is proposed for a table, with its reasons and questions."""
