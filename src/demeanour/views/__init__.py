"""From a decoded picture to the pixels that a network sees: preprocessing protocols and views."""
