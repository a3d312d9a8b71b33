"""The requirements of collectors: indexes, access to the audit, and enough sessions."""
