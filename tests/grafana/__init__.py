"""Tests of the Grafana folder: dashboards, rules, and all of it against a real Prometheus."""
