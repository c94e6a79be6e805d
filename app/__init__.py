"""The window: everything that needs Qt. It never imports torch."""
