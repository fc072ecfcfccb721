"""The ways into the bot: what Slack delivers is read, recorded and acknowledged."""
