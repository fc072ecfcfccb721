"""The use cases: record, plan, submit, watch, report."""
