"""What the bot asks of Slack: posts, people, channels."""
