"""The panels by subject; the modules in `pages` arrange them in rows.

Each function here builds the panel that it is named after, for the scope of a dashboard.
"""
