"""Layer 2: what only the whole trace or thread knows, recomputed in the background for what was touched."""
