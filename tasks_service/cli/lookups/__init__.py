"""Looking tasks up: list, find, show, history, why."""
