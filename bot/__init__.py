"""Standard snapshots of Huawei Cloud EVS disks, asked for in Slack."""
