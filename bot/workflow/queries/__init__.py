"""The questions of people: readings that change nothing."""
