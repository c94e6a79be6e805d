"""What the refiner learns from and is judged on: clips of real and of made motion, spoilt as real video is."""
