"""Bytes become packets and messages, sans-IO: container readers, decode kernels, and one file a protocol."""
