"""`creative-tasks up` and `demo`: everything on this machine with one command."""
