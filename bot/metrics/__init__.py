"""The metrics, each with its name: of what happens in `instruments.py`, of what is in `readings.py`."""
