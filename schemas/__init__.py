"""What the tracker knows: pure data and pure functions, with no clock, no environment and no network."""
