"""The table `[otlp]`: where OpenTelemetry goes."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from obs.exporting.destination import check_address
from obs.spooling.sizes import bytes_of

__all__ = ["Otlp"]


class Otlp(BaseModel):
    """Where OpenTelemetry goes; see `obs.exporting.destination`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str = Field(
        "", description="`http://HOST:4318`; empty: as OpenTelemetry's variables say, else nothing is sent."
    )
    headers: dict[str, SecretStr] = Field({}, description="Sent with each request, e.g. `Authorization`.")
    signals: tuple[Literal["logs", "traces", "metrics"], ...] = Field(
        ("logs", "traces", "metrics"), description="What is sent."
    )
    level: Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] = Field(
        "INFO", description="Least severity of log records that are sent."
    )
    queue: str = Field("64MiB", description="Most that waits on disk, each of logs and traces.")
    timeout_s: float = Field(0, ge=0, le=300, description="Seconds for one request; 0: 10, or the variable.")
    interval_s: float = Field(
        0, ge=0, le=86_400, description="Seconds between two sets of metrics; 0: 60, or the variable."
    )

    @field_validator("endpoint")
    @classmethod
    def _endpoint_is_an_address(cls, value: str) -> str:
        if value:
            check_address(value, "endpoint")
        return value.strip()

    @field_validator("queue")
    @classmethod
    def _queue_is_a_size(cls, value: str) -> str:
        if bytes_of(value) < 2**20:
            raise ValueError('is too small: write at least "1MiB"')
        return value
