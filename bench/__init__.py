"""Benchmarks of the running system: what it takes in, how soon it shows, what it costs."""
