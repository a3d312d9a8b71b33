"""Reads the config file into plain data, before anything is known about its keys."""
