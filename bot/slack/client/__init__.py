"""The bot's calls to Slack: posts, people, channels."""
