"""What a request would cost by the vendor's published price: an estimate, never a bill."""

from dataclasses import dataclass
from decimal import Decimal

from schemas.capabilities import AUTO_S, Model, Price
from schemas.rules.combinations import asked_of, holds
from schemas.task import TaskRequest


@dataclass(frozen=True, slots=True)
class Estimate:
    """An amount, how it comes about, and who said so."""

    amount: Decimal
    currency: str
    basis: str
    source: str

    @property
    def text(self) -> str:
        """The amount without an exponent or zeros that say nothing."""
        return f"{self.amount.normalize():f}"


def estimate(request: TaskRequest, model: Model) -> Estimate | None:
    """The price of a request with its defaults filled in; None where nobody told us."""
    asked = asked_of(request)
    price = next((one for one in model.prices if holds(one.when, asked)), None)
    units = _units(price, request) if price else None
    if price is None or units is None:
        return None
    basis = f"{units.normalize():f} x {price.amount} {price.currency} per {price.per}"
    return Estimate(price.amount * units, price.currency, basis, price.source)


def _units(price: Price, request: TaskRequest) -> Decimal | None:
    made = Decimal(request.n or 1)
    if price.per == "task":
        return Decimal(1)
    if price.per == "image":
        return made
    # How long a film becomes whose length is left to the upstream, nobody knows yet.
    unknown = request.duration_s is None or request.duration_s == AUTO_S
    return None if unknown else made * Decimal(str(request.duration_s))
