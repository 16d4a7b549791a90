"""Who sits at the keyboard."""

import os
import pwd


def actor() -> str:
    """Whoever the system says it is, as history names people: what the environment says, anybody can set."""
    try:
        return f"person:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"person:{os.getuid()}"
