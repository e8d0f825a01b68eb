"""AnonBench: what a face anonymiser protects, and what it leaves of the picture's use."""

__version__ = "0.1.0"
