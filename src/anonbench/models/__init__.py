"""Networks in PyTorch, with the parameter names of their official checkpoints."""
