"""Writers: pictures and what is known of them, on disk as the original data sets are, for readers of the real ones."""
