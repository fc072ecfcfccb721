"""What the rows call for: each job reads them, does what they say, and answers when it wants to be called again."""
