"""Disks that come back from snapshots. Values in, values out."""
