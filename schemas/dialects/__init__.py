"""Bodies of requests that are too long for their provider's own file."""
