"""Messages and views: values in, Block Kit out. Pure."""
