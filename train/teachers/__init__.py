"""The MoveNet teachers: their labels, and their weights as a starting point."""
