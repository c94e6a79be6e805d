"""The lite networks' own training: crops for the backbone, clips for the refiner, and the calibration of confidence."""
