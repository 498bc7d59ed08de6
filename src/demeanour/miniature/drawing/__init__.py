"""From scenes to pictures: solids, textures, light, styles."""
