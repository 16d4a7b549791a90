"""Names of models that were probably meant."""

from collections.abc import Sequence
from difflib import get_close_matches


def nearest_models(name: str, known: Sequence[str]) -> list[str]:
    """The names that were probably meant; case and white space mistakes come first."""
    folded = {model.casefold(): model for model in known}
    exact = folded.get(name.strip().casefold())
    close = get_close_matches(name.strip().casefold(), folded, n=3, cutoff=0.5)
    return list(dict.fromkeys([*([exact] if exact else []), *(folded[match] for match in close)]))
