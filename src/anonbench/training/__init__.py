"""Training of the networks that the project comes with; nothing of the benchmark imports it."""
