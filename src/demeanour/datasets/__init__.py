"""What is known of the images themselves: labels, annotations, clusters."""
