"""Output that depends on the terminal: widths, colours, tables, progress."""
