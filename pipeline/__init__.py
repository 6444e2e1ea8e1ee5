"""The way of a record: log, mapping, insert, commit, notify, and the summaries behind it."""
