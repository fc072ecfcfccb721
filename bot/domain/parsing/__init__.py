"""From what people type to a command: words, addresses, orders, and advice where it is none."""
