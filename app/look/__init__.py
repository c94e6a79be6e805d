"""How the program looks and speaks: theme, icons, colours, messages."""
