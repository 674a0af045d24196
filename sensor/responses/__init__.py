"""One file a connector, and the executor that guards them all: dry-run until armed."""
