"""The values of the status page and the API, made from memory.

current.py makes them: `await Overviews(exporter).current(details=...)`, at most once a second.
"""
