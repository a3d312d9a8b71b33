"""Where a connection goes: connection strings, and the addresses of their hosts."""
