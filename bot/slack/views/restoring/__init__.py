"""Messages and forms about disks that come back from snapshots."""
