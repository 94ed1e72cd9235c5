"""The tables `[alerts]`, `[alerts.channels]` and `[[alerts.routes]]`: who is told what and when."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from obs.alerts.plan import amount_of, quiet_of
from obs.config.units import DURATION
from obs.snapshot import IssueSeverity

__all__ = ["AlertRoute", "Alerts"]


class AlertRoute(BaseModel):
    """Which issues go to which channels; see `obs.alerts.plan.Route`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("", max_length=80, description="Of the route; its memory goes by it [`route N`].")
    severity: IssueSeverity = Field(IssueSeverity.ERROR, description="The least.")
    bots: tuple[str, ...] = Field(("*",), min_length=1, description="Bots, as globs.")
    money: str = Field("", description="The least money at risk, e.g. `100 USDT`; empty: whatever it is.")
    channels: tuple[str, ...] = Field(min_length=1, description="Who is told.")
    fallback: tuple[str, ...] = Field((), description="Who is told when one of those fails.")
    resolved: bool = Field(True, description="Whether the end is told.")
    also: bool = Field(False, description="Whether the routes after it are asked too.")

    @field_validator("money")
    @classmethod
    def _money_is_an_amount(cls, value: str) -> str:
        amount_of(value)
        return value


class Alerts(BaseModel):
    """Who is told what and when; see `obs.alerts`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: dict[str, SecretStr] = Field({}, description="Name and address, as Apprise writes it.")
    routes: tuple[AlertRoute, ...] = Field((), description="As `[[alerts.routes]]`; the first that fits.")
    quiet_hours: str = Field("", description="When only what is urgent goes out: `23:00-07:00`.")
    quiet_except: IssueSeverity = Field(
        IssueSeverity.CRITICAL, description="What is urgent: from this severity on."
    )
    group_wait: str = Field("10s", description="How long what belongs together is waited for.")
    again_after: str = Field("4h", description="After so long what came back is told again.")
    per_hour: int = Field(20, ge=1, le=1000, description="Messages of a channel in any hour.")

    @field_validator("quiet_hours")
    @classmethod
    def _hours_are_a_stretch(cls, value: str) -> str:
        quiet_of(value, ZoneInfo("UTC"))
        return value

    @field_validator("group_wait", "again_after")
    @classmethod
    def _times_have_a_unit(cls, value: str) -> str:
        if DURATION.fullmatch(value) is None:
            raise ValueError('has no unit: write it with one, e.g. "10s", "4h"')
        return value

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Alerts:
        names = [route.name for route in self.routes if route.name]
        if len(names) != len(set(names)):
            raise ValueError("two routes have the same name: name them apart")
        for number, route in enumerate(self.routes, 1):
            for channel in (*route.channels, *route.fallback):
                if channel not in self.channels:
                    known = ", ".join(self.channels) or "none"
                    raise ValueError(
                        f"route {number} names channel {channel}, which is not in [alerts.channels]: "
                        f"there are {known}"
                    )
        return self
