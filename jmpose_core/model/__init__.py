"""The networks: one file a part, one a system."""
