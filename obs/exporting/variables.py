"""The variables of OpenTelemetry's specification: which are followed here, which are not, and what is said.

They may have been set for the bot, whose environment the sidecar often shares. So what is not followed stops
nothing; it is said once, at the start, with what holds instead.

Source: OpenTelemetry specification, "Environment Variable Specification", "OpenTelemetry Protocol Exporter".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

__all__ = ["FOLLOWED", "INSTEAD", "SIGNALS", "names_of", "unheard"]

SIGNALS = ("logs", "traces", "metrics")
_OTLP = (
    *("ENDPOINT", "HEADERS", "TIMEOUT", "COMPRESSION", "PROTOCOL"),
    *("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY", "INSECURE"),
)
FOLLOWED: Mapping[str, str] = {
    "OTEL_SDK_DISABLED": "`true`: nothing is sent, unless `[otlp]` names an endpoint",
    "OTEL_SERVICE_NAME": "the name under which the sidecar's metrics come (`obs`); records bear their bot's",
    "OTEL_RESOURCE_ATTRIBUTES": "beside all that is sent; what a bot says of itself comes first",
    "OTEL_{SIGNAL}_EXPORTER": "`otlp`, or `none`: the signal is not sent",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "where to; without it (and `[otlp]`) nothing is sent",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "`http/protobuf`, or `grpc`",
    "OTEL_EXPORTER_OTLP_HEADERS": "`name=value,name=value`, percent-encoded",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "milliseconds for one request, whole (10000)",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "`gzip`, also when not set, or `none`",
    "OTEL_EXPORTER_OTLP_CERTIFICATE": "file of the authorities that are trusted",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "file of our own certificate",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY": "file of its key",
    "OTEL_EXPORTER_OTLP_INSECURE": "gRPC to an address without a scheme: `true` is without TLS",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "`cumulative`, `delta`, or `lowmemory`",
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": (
        "`explicit_bucket_histogram`, or `base2_exponential_bucket_histogram`"
    ),
    "OTEL_METRICS_EXEMPLAR_FILTER": "`always_on`, also when not set, `trace_based`, or `always_off`",
    "OTEL_METRIC_EXPORT_INTERVAL": "milliseconds between two sets of metrics (60000)",
    "OTEL_METRIC_EXPORT_TIMEOUT": "milliseconds for one set, where no time for requests is set",
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "log records in one request (512)",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "spans in one request (512)",
    "OTEL_TRACES_SAMPLER": "`always_on`, `always_off`, `traceidratio`, and these as `parentbased_…`",
    "OTEL_TRACES_SAMPLER_ARG": "the part of all traces that is sent, 0 to 1",
    "OTEL_ATTRIBUTE_COUNT_LIMIT": "attributes of a record or span; the rest is counted as dropped",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "characters of a value",
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "the same, of log records",
    "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT": "the same, of log records",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "the same, of spans",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "the same, of spans",
}
"""What each does; `OTEL_EXPORTER_OTLP_…` of a transport also as `OTEL_EXPORTER_OTLP_LOGS_…` and so on."""
_QUEUE = "what waits is on disk, within `queue` of `[otlp]`"
_AT_ONCE = "what waits is sent at once"
_TIME = "a request's time is OTEL_EXPORTER_OTLP_TIMEOUT, and what fails is tried again"
_ELSEWHERE = "only OTLP is sent; `/metrics` is for Prometheus"
_ONE_PLACE = "the settings of the sidecar are `obs.toml` and these variables"
_AS_MADE = "spans have the links and events that they have"
INSTEAD: Mapping[str, str] = {
    "OTEL_CONFIG_FILE": _ONE_PLACE,
    "OTEL_EXPERIMENTAL_CONFIG_FILE": _ONE_PLACE,
    "OTEL_LOG_LEVEL": "the sidecar's own log is short; `level` of `[otlp]` says which records are sent",
    "OTEL_PROPAGATORS": "the sidecar calls nobody on a bot's behalf",
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "resources are what bots say, and OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_BLRP_SCHEDULE_DELAY": _AT_ONCE,
    "OTEL_BSP_SCHEDULE_DELAY": _AT_ONCE,
    "OTEL_BLRP_EXPORT_TIMEOUT": _TIME,
    "OTEL_BSP_EXPORT_TIMEOUT": _TIME,
    "OTEL_BLRP_MAX_QUEUE_SIZE": _QUEUE,
    "OTEL_BSP_MAX_QUEUE_SIZE": _QUEUE,
    "OTEL_SPAN_EVENT_COUNT_LIMIT": _AS_MADE,
    "OTEL_SPAN_LINK_COUNT_LIMIT": _AS_MADE,
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": _AS_MADE,
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": _AS_MADE,
    "OTEL_EXPORTER_PROMETHEUS_HOST": _ELSEWHERE,
    "OTEL_EXPORTER_PROMETHEUS_PORT": _ELSEWHERE,
    "OTEL_EXPORTER_ZIPKIN_ENDPOINT": _ELSEWHERE,
    "OTEL_EXPORTER_ZIPKIN_TIMEOUT": _ELSEWHERE,
    "OTEL_EXPORTER_ZIPKIN_PROTOCOL": _ELSEWHERE,
}
"""What is not followed, and what holds instead."""
_OF_OTHERS = (
    *("OTEL_PYTHON_", "OTEL_INSTRUMENTATION_", "OTEL_SEMCONV_", "OTEL_DOTNET_", "OTEL_JAVA", "OTEL_NODE_"),
    *("OTEL_GO_", "OTEL_PHP_", "OTEL_RUBY_", "OTEL_AUTO_", "OTEL_TRACES_", "OTEL_METRICS_", "OTEL_LOGS_"),
)
"""Of one language, or of instrumentation: they say nothing to who only sends."""
_MOST_SAID = 100


def names_of(name: str) -> Iterator[str]:
    """Yield the variables that a name of `FOLLOWED` stands for."""
    if "{SIGNAL}" in name:
        yield from (name.replace("{SIGNAL}", signal.upper()) for signal in SIGNALS)
        return
    yield name
    word = name.removeprefix("OTEL_EXPORTER_OTLP_")
    if word != name and word in _OTLP:
        yield from (f"OTEL_EXPORTER_OTLP_{signal.upper()}_{word}" for signal in SIGNALS)


_KNOWN = frozenset(name for told in FOLLOWED for name in names_of(told))


def unheard(environment: Mapping[str, str]) -> list[str]:
    """Return a sentence for each variable that is set and not followed, also for one that nobody knows."""
    said: list[str] = []
    for name in sorted(environment):
        if not name.startswith("OTEL_") or not environment[name].strip() or name in _KNOWN:
            continue
        if name in INSTEAD:
            said.append(f"{name} is not followed: {INSTEAD[name]}")
        elif name.startswith("OTEL_EXPORTER_OTLP_") or not name.startswith(_OF_OTHERS):
            said.append(f"{name[:_MOST_SAID]} is not known here, and does nothing")
    return said
