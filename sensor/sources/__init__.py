"""One file a source: captures, logs and pollers, each accounting for every record it was given."""
