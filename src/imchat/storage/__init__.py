"""Where it is kept: the four-verb table, its two implementations, and the access patterns above it."""
