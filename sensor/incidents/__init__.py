"""Evidence is linked, ranked and explained; an incident names the flows that it rests on."""
