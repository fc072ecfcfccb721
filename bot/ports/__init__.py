"""What the use cases need from outside, as protocols by role. The edges implement them; tests bring their own."""
