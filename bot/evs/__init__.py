"""The client of the cloud: IAM and EVS over HTTPS."""
