"""The store on PostgreSQL, which replicas share: transactions one after the other, group commit, and migrations."""
