"""Which version this is."""

from importlib import metadata


def own_version() -> str:
    """The version of the installed package."""
    try:
        return metadata.version("creative-task-tracker")
    except metadata.PackageNotFoundError:
        return "(a checkout that is not installed)"
