"""`snapshot-bot check`: whether what the bot needs is there, found out without changing anything."""
