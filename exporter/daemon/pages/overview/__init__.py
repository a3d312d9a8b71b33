"""What the status page and the API show: values, made from what is in memory.

current.py makes them: `await Overviews(exporter).current(details=...)`, at most once a second.
"""
