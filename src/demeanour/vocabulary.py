"""Words that annotated data sets fix: factors of ImageNet-X and of PUG, cue-conflict categories, corruptions of C."""

FACTORS = (
    "pose", "background", "color", "pattern", "smaller", "shape", "partial_view", "subcategory", "texture",
    "larger", "darker", "object_blocking", "person_blocking", "brighter", "style", "multiple_objects",
)  # fmt: skip

CATEGORIES = (
    "airplane", "bear", "bicycle", "bird", "boat", "bottle", "car", "cat",
    "chair", "clock", "dog", "elephant", "keyboard", "knife", "oven", "truck",
)  # fmt: skip

CORRUPTIONS = (
    "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow",
    "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
)  # fmt: skip

PUG_FACTORS = (
    "Worlds", "Camera_Pitch", "Camera_Yaw", "Camera_Roll", "Object_Pitch", "Object_Yaw", "Object_Roll", "Object_Scale",
    "Object_Texture", "Scene_Light",
)  # fmt: skip

LEVELS = tuple(f"level-{place}" for place in range(1, 17))   # of the views of a set, in their order
