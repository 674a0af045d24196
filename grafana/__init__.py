"""Dashboards as code: `python -m grafana` writes the JSON that stands beside it in `dashboards/`.

They show what `sensor.metrics` declares and nothing else, of as many sensors and sites as one Prometheus scrapes. Read
from across a room, at night: few numbers, large; blue is well and orange to red is not, by a palette that the
colour-blind tell apart (Okabe and Ito 2008), and each state is said in words beside its colour.
"""
