"""The table `[otlp]`: where OpenTelemetry goes, and how else it may come."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from obs.exporting.destination import check_address
from obs.spooling.sizes import bytes_of

__all__ = ["Otlp", "place_of"]

_PLACE = re.compile(r"(?:(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)?:)?([0-9]{1,5})")


class Otlp(BaseModel):
    """Where OpenTelemetry goes; see `obs.exporting.destination`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str = Field(
        "", description="`http://HOST:4318`; empty: as OpenTelemetry's variables say, else nothing is sent."
    )
    protocol: Literal["", "http/protobuf", "grpc"] = Field(
        "", description="How it is sent; empty: over HTTP, or as the variables say that name the endpoint."
    )
    certificate: str = Field("", description="File of the authorities that are trusted, PEM.")
    client_certificate: str = Field("", description="File of our own certificate, PEM.")
    client_key: str = Field("", description="File of its key, PEM, without a password.")
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
    grpc: str = Field(
        "", description="Where gRPC is taken in, e.g. `4317` or `127.0.0.1:4317`; empty: nowhere."
    )

    @field_validator("endpoint")
    @classmethod
    def _endpoint_is_an_address(cls, value: str) -> str:
        if value:
            check_address(value, "endpoint")
        return value.strip()

    @field_validator("grpc", mode="before")
    @classmethod
    def _grpc_is_a_place(cls, value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and value:
            place_of(value, "")
        return value

    @field_validator("queue")
    @classmethod
    def _queue_is_a_size(cls, value: str) -> str:
        if bytes_of(value) < 2**20:
            raise ValueError('is too small: write at least "1MiB"')
        return value


def place_of(text: str, host: str) -> tuple[str, int]:
    """Return the address and port that `4317` or `127.0.0.1:4317` names.

    Args:
        text: As the settings write it.
        host: Where only a port is said.

    Raises:
        ValueError: If it names none.
    """
    found = _PLACE.fullmatch(text.strip())
    if found is None or int(found[2]) > 65_535:
        raise ValueError('is no place to listen: write a port, or an address with one, e.g. "127.0.0.1:4317"')
    return (found[1] or host).strip("[]"), int(found[2])
