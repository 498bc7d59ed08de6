"""What numbers can be trusted to say: intervals, resampling, and the three zones of a decision."""
