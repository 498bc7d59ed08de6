"""The world's files: written once, whole or not at all, and verified."""
