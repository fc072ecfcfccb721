"""The store on one SQLite file: two threads, group commit, and a lock that keeps a second bot away."""
