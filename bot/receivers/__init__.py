"""Where rows of the audit trail are handed to as they are written: a file, or a syslog receiver over TLS."""
