"""Encrypting connections: OpenSSL's context, and what stands between a socket and HTTP."""
