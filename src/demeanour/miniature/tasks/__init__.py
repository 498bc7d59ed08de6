"""Tasks like VTAB's, for what features are good for."""
