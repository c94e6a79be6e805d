"""One module a recipe, one command each: what the bundled weights were trained on, how, and for how long."""
