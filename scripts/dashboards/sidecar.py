"""Is the watcher itself well?"""

from __future__ import annotations

from scripts.dashboards.panel import (
    NONE_WANTED,
    ORANGE,
    YELLOW,
    Board,
    above,
    below,
    graph,
    quantile,
    rate,
    stat,
    timeline,
)

__all__ = ["SIDECAR"]

MIB, GIB = 1 << 20, 1 << 30

_NOW = (
    stat("Version", "Of the sidecar.", "count by (version) (obs_build_info{*})", "{{version}}", is_name=True),
    stat("Up", "Whether Prometheus reaches it.", 'min(up{*,job="obs"})', limits=below(1)),
    stat("Fault", "1 while it cannot store or show.", "max(obs_sidecar_fault{*})", limits=NONE_WANTED),
    stat(
        "Runs for",
        "Since the start of its process.",
        "time() - min(obs_sidecar_start_timestamp_seconds{*})",
        unit="s",
    ),
    stat(
        "Age of the picture",
        "Behind all figures; an alert comes at two minutes.",
        "time() - min(obs_snapshot_timestamp_seconds{*})",
        unit="s",
        limits=above(30, ORANGE, 120),
    ),
    stat(
        "Lost records",
        "All reasons, within the range.",
        "sum(increase(obs_events_dropped_total{*}[$__range])) or vector(0)",
        limits=NONE_WANTED,
    ),
)

_WORK = (
    graph(
        "Records taken in",
        "A second.",
        (rate("obs_events_total", "instance"), "{{instance}}"),
        unit="recps",
    ),
    graph(
        "Lost records",
        "Emitted and never arrived, by reason.",
        ("sum by (reason) (obs_events_dropped_total{*})", "{{reason}}"),
        limits=NONE_WANTED,
    ),
    graph(
        "Since the newest record",
        "By the records' own time.",
        ("time() - (obs_last_event_timestamp_seconds{*} > 0)", "{{instance}}"),
        unit="s",
    ),
    graph(
        "Fold lag",
        "From a record's time to its being folded.",
        (quantile(0.5, "obs_fold_lag_seconds", "instance"), "p50"),
        (quantile(0.99, "obs_fold_lag_seconds", "instance"), "p99"),
        unit="s",
        limits=above(2.5, YELLOW, 60),
    ),
    graph(
        "Drawing of files",
        "Briefing and dashboard.",
        (quantile(0.5, "obs_briefing_render_duration_seconds", "instance"), "p50"),
        (quantile(0.95, "obs_briefing_render_duration_seconds", "instance"), "p95"),
        unit="s",
        limits=above(1, YELLOW, 5),
    ),
    graph("Waiting", "Records of other doors, not folded yet.", ("obs_queue_events{*}", "{{instance}}")),
    graph(
        "Spool",
        "Bytes not folded yet; an alert comes at 64 MiB.",
        ("obs_spool_pending_bytes{*}", "{{instance}}"),
        unit="bytes",
        limits=above(64 * MIB, ORANGE),
    ),
    graph("Live pages", "That are shown.", ("obs_stream_clients{*}", "{{instance}}")),
    graph(
        "Cache",
        "Share of calls answered from a cache.",
        (
            f"{rate('obs_cache_hits_total', 'cache')}"
            f" / ({rate('obs_cache_hits_total', 'cache')} + {rate('obs_cache_misses_total', 'cache')})",
            "{{cache}}",
        ),
        unit="percentunit",
    ),
)

_SENT_ON = (
    graph(
        "Taken, sent, dropped",
        "Records for the collector: taken is sent, dropped or still waiting.",
        (rate("obs_otlp_export_taken_total", "instance"), "taken"),
        (rate("obs_otlp_export_sent_total", "instance"), "sent"),
        (rate("obs_otlp_export_dropped_total", "instance"), "dropped"),
        unit="recps",
        width=12,
    ),
    graph(
        "Waiting for the collector",
        "Not sent yet.",
        ("sum by (instance, signal) (obs_otlp_export_waiting{*})", "{{instance}} {{signal}}"),
        width=12,
    ),
)

_MESSAGES = (
    graph(
        "Messages about issues",
        "A minute, by channel: sent, failed, or not known whether they arrived.",
        (rate("obs_alerts_messages_total", "channel, outcome", a_minute=True), "{{channel}} {{outcome}}"),
        unit="cpm",
    ),
    graph(
        "Messages that wait",
        "For their group, a limit, another try or the end of quiet hours; held are those of quiet hours.",
        ("sum by (channel) (obs_alerts_waiting{*})", "{{channel}} wait"),
        ("sum by (channel) (obs_alerts_held{*})", "{{channel}} held"),
        limits=above(20, YELLOW),
    ),
    graph(
        "A channel fails for",
        "Since its first message that did not arrive.",
        ("time() - (obs_alerts_failing_since_timestamp_seconds{*} > 0)", "{{channel}}"),
        unit="s",
        limits=above(60, ORANGE, 900),
    ),
    graph(
        "Silenced issues",
        "Open, and held back by a silence now.",
        ("sum by (instance) (obs_alerts_silenced_issues{*})", "{{instance}}"),
    ),
    timeline(
        "Alertmanager",
        "Whether it tells obs its silences, where obs is set to ask for them.",
        ("min by (instance) (obs_alertmanager_up{*})", "{{instance}}"),
        words=(("0", "NO ANSWER", "red"), ("1", "answers", "green")),
        width=16,
    ),
)

_USES = (
    graph(
        "Memory",
        "Resident; an alert comes at 512 MiB.",
        ("obs_sidecar_resident_memory_bytes{*}", "{{instance}}"),
        unit="bytes",
        limits=above(512 * MIB, ORANGE),
        width=6,
    ),
    graph(
        "Processor",
        "Of one core.",
        (rate("obs_sidecar_cpu_seconds_total", "instance"), "{{instance}}"),
        unit="percentunit",
        limits=above(0.8, ORANGE),
        width=6,
    ),
    graph("Store", "Size of its files.", ("obs_store_bytes{*}", "{{instance}}"), unit="bytes", width=6),
    graph(
        "Free disk",
        "Where spool and store lie; an alert comes under 1 GiB.",
        ("obs_disk_free_bytes{*}", "{{instance}}"),
        unit="bytes",
        limits=below(GIB),
        width=6,
    ),
    graph(
        "Names without room",
        "They count as `other`.",
        ("max by (label) (obs_labels_folded{*})", "{{label}}"),
        limits=above(1, YELLOW),
    ),
    graph(
        "Scrape takes",
        "How long Prometheus waits for an answer.",
        ('scrape_duration_seconds{*,job="obs"}', "{{instance}}"),
        unit="s",
        limits=above(0.05, YELLOW, 1),
    ),
    graph(
        "Series of a scrape",
        "Never more than 2,000, whatever bots say.",
        ('scrape_samples_scraped{*,job="obs"}', "{{instance}}"),
        limits=above(2_000, YELLOW),
    ),
)

SIDECAR = Board(
    "obs-sidecar",
    "obs / Sidecar",
    "Is the watcher itself well?",
    (
        ("Now", _NOW),
        ("Work", _WORK),
        ("Messages to people", _MESSAGES),
        ("OpenTelemetry out", _SENT_ON),
        ("What it uses", _USES),
    ),
    ("Its own account", "${obs:raw}/health"),
)
