"""Finding × evidence → verdict, and what it means for the run."""
