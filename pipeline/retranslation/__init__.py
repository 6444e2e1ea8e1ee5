"""Stored records back as their senders sent them, and through the mapping again: after a dialect was mended."""
