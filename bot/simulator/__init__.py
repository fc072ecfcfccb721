"""A whole world on one machine: the cloud, the Slack workspace, and the demo in front of both."""
