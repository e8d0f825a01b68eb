"""Figures and the report page: everything that people look at."""
