"""Write the dashboards' JSON."""

from grafana.write import write

write()
