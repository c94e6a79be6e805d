"""The lite networks: a refiner on clips made from stills, where a network was right, calibration of confidence."""
