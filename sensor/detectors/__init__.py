"""One file a detector. Each scores a batch against what it has learned, then learns from what was not flagged."""
