"""Training and evaluation of the person detector."""
