"""The entry for programs: HTTP with JSON. A pipeline asks for what a person would, by the same intake and gate."""
