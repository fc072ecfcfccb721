"""What people ask: readings that change nothing."""
