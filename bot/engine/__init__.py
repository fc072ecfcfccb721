"""The alarm clock: calls the jobs that the rows call for when their time has come."""
