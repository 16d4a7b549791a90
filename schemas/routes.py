"""A route is an account at an upstream: provider, base URL, credential, models and limits."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Route(BaseModel):
    """One upstream account; a gateway is a route, not code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    provider: str
    base_url: str = Field(pattern=r"^https?://")
    credential: SecretStr = SecretStr("")
    models: tuple[str, ...] | None = None  # None: every model of the provider's file
    max_concurrency: int = Field(default=64, ge=1)  # of each kind: paid requests, looks, downloads
    max_per_s: float | None = Field(default=None, gt=0)  # looks a second; None: as many as are due
    priority: int = 0
