"""Faces of people who do not exist, rendered from MakeHuman's CC0 meshes."""
