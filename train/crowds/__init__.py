"""Training a backbone on people among people: packed pictures, crowds pasted on the device that trains, priors."""
