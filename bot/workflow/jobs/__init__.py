"""Jobs that the rows call for: each reads them, does what they say, and answers when it wants to be called again."""
