"""The HTTP entry: connections, signatures, bodies."""
