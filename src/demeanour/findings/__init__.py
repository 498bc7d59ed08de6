"""What is claimed (findings) and who plays (casts): YAML, strictly read."""
