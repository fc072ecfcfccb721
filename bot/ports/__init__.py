"""The protocols through which use cases reach outside, by role. The edges implement them; tests bring their own."""
