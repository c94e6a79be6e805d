"""Comparisons whose figures stand in docs/: systems, switches of inference, other programs' networks."""
