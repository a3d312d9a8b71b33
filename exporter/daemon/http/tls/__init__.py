"""Encryption of connections: OpenSSL's context, and the layer between socket and HTTP."""
