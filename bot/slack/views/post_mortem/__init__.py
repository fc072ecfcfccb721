"""The record of a request, for a document that people write afterwards."""
