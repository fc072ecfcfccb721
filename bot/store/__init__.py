"""Durable rows: requests, items, grants, bindings, deliveries and the audit trail."""
