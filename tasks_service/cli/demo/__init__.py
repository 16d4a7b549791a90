"""The stories that `creative-tasks demo` tells, who tells them, and how they are shown."""
