"""Linear probes: what a task's pictures are, told from a network's frozen features."""
