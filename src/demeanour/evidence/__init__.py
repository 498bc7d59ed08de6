"""What models said: prediction tables, read from files, kept on disk, joined with the data sets."""
