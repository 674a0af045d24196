"""One file a sink: where flows, events and incidents go."""
