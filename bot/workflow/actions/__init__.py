"""What people do: one verb a file, each behind the gate."""
