"""The actions of people: one verb a file, each behind the gate."""
