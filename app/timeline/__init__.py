"""The timeline, its transport row, and the table of tracks."""
