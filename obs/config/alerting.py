"""The tables `[alerts]`, `[alerts.channels]` and `[[alerts.routes]]`: who is told what and when."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from obs.alerts.plan import amounts_of, clock_of, quiet_of
from obs.config.units import DURATION, duration_ns
from obs.snapshot import IssueSeverity

__all__ = ["AlertRoute", "Alerts"]


class AlertRoute(BaseModel):
    """Which issues go to which channels; see `obs.alerts.plan.Route`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("", max_length=80, description="Of the route [`route N`].")
    severity: IssueSeverity = Field(IssueSeverity.ERROR, description="The least.")
    bots: tuple[str, ...] = Field(("*",), min_length=1, description="Bots, as globs.")
    money: str = Field(
        "", description="The least money at risk, e.g. `100 USDT` or `100 USDT, 140000 KRW`; empty: any."
    )
    channels: tuple[str, ...] = Field(min_length=1, description="Who is told.")
    fallback: tuple[str, ...] = Field((), description="Who is told when one of those fails.")
    resolved: bool = Field(True, description="Whether the end is told.")
    also: bool = Field(False, description="Whether the routes after it are asked too.")

    @field_validator("money")
    @classmethod
    def _money_is_an_amount(cls, value: str) -> str:
        amounts_of(value)
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
    over_after: str = Field("5m", description="How long an issue is over before its end is told.")
    again_after: str = Field("4h", description="After so long what went quiet and came back is told again.")
    remind_after: str = Field("4h", description="What is urgent and stays open is told again; `0s`: never.")
    per_hour: int = Field(20, ge=1, le=1000, description="Messages of a channel in any hour.")
    alertmanager: SecretStr = Field(
        SecretStr(""), description="Alertmanager whose silences archive issues here: `http://HOST:9093`."
    )
    alertmanager_token: SecretStr = Field(SecretStr(""), description="Bearer token for it.")
    alertmanager_every: str = Field("15s", description="How often it is asked.")
    heartbeat: SecretStr = Field(
        SecretStr(""), description="Address that is asked so often that its owner notices when it stops."
    )
    heartbeat_every: str = Field("1m", description="How often.")
    alive_at: str = Field("", description="When a message says each day that obs watches: `09:00`.")
    alive_channels: tuple[str, ...] = Field((), description="By which channels.")

    @field_validator("quiet_hours")
    @classmethod
    def _hours_are_a_stretch(cls, value: str) -> str:
        quiet_of(value, ZoneInfo("UTC"))
        return value

    @field_validator("alertmanager", "heartbeat")
    @classmethod
    def _addresses_are_of_the_web(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if text and re.match(r"https?://[^/\s]|\$\{", text) is None:
            raise ValueError("is no address: write it as http://HOST:PORT or https://HOST")
        return value

    @field_validator("alive_at")
    @classmethod
    def _time_is_of_the_day(cls, value: str) -> str:
        clock_of(value)
        return value

    @field_validator("alertmanager_every", "heartbeat_every")
    @classmethod
    def _pauses_are_long_enough(cls, value: str) -> str:
        if duration_ns(value) < 1_000_000_000:
            raise ValueError('is no pause of a second or more: write e.g. "15s", "1m"')
        return value

    @field_validator("group_wait", "over_after", "again_after", "remind_after")
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
        for channel in self.alive_channels:
            if channel not in self.channels:
                raise ValueError(f"alive_channels names {channel}, which is not in [alerts.channels]")
        if bool(self.alive_at) is not bool(self.alive_channels):
            raise ValueError("alive_at and alive_channels go together: say when, and by which channels")
        return self
