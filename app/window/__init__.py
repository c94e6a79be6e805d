"""The main window: commands, bars, docks, start page, and what asks the user a question."""
