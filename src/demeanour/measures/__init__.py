"""Numbers from evidence: numpy only, weights-aware, one file for each analysis."""
