"""Draws each dashboard in Grafana's grid from what a real Prometheus answers, as SVG. Not Grafana itself.

python -m tests.grafana --pictures
"""
