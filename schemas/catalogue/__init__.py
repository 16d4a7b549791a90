"""Tables of models that are too long for their provider's own file."""
