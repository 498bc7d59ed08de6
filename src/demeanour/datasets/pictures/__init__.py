"""Pictures where they lie: folders, tars and Parquet, checked when they are opened."""
