"""What networks say of pictures: each picture decoded once, each answer computed once."""
