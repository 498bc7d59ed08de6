"""Words that annotated data sets fix: ImageNet-X's factors and the 16 categories of the cue-conflict images."""

FACTORS = (
    "pose", "background", "color", "pattern", "smaller", "shape", "partial_view", "subcategory", "texture",
    "larger", "darker", "object_blocking", "person_blocking", "brighter", "style", "multiple_objects",
)  # fmt: skip

CATEGORIES = (
    "airplane", "bear", "bicycle", "bird", "boat", "bottle", "car", "cat",
    "chair", "clock", "dog", "elephant", "keyboard", "knife", "oven", "truck",
)  # fmt: skip
