"""The seams: units, addresses, columns and records that the other packages exchange. Imports nothing of ours."""
