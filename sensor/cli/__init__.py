"""The command line: one file a command group. Flags say only how this process behaves; the rest is configuration."""
