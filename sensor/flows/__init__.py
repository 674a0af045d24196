"""Packets become flows: Zeek's conn columns, computed by kernels over a bounded table."""
