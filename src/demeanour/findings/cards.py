"""Cards of a cast: what a model or a data set is, and where it comes from."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field, StringConstraints

from demeanour.findings.schema import Number, Selector, Strict, Text, Words

ROW_ORDER = "row-order"   # what a card says of tables whose rows have no ids
PREDICTIONS = "predictions:"
HUB = "hf-datasets:"       # what the root of a data set of the Hugging Face hub begins with

PROBE = "probe"   # the reader of sets of tasks that are probed,
POOLED, LBFGS = "pooled", "lbfgs"   # and on which features and how, where their card does not say
NETWORK: Final = "network"   # the data set of release policies that is the network itself, and its reader
PICTURE_READERS = ("imagenet", "folder", "imagenet-c", "webdataset", "parquet", "cue-conflict", "pug")
UNCHANGED = ("scale/1", "shift/0", "plain")   # views that show pictures as they are
Precision = Literal["fp32", "bf16", "fp16"]
TaskGroup = Literal["natural", "specialized", "structured"]
TaskName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*$")]
WAYS = (*get_args(Precision), "cpu", "batch/1")   # such as
Colours = Annotated[list[Number], Field(min_length=3, max_length=3)]


def way_to_answer(text: str) -> dict[str, Any] | None:
    """The keys of a network's card that make it answer in a way: a precision, ``cpu``, ``batch/N``; None of others."""
    batch = re.fullmatch(r"batch/([1-9]\d*)", text)
    if batch is not None:
        return {"batch": int(batch[1])}
    return {"device": text} if text == "cpu" else {"numerics": text} if text in get_args(Precision) else None


class HeadCard(Strict):
    """The zero-shot head of a CLIP model: class names in all templates, read by its text tower.

    Attributes:
        names: JSON or text file of class names; ``imagenet`` stands for open_clip's 1000.
        templates: JSON or text file of templates with ``{}``; ``imagenet`` stands for open_clip's 80, ``simple`` for 7.
        logit_scale: By what cosines are multiplied: a number (100, as in the paper), or ``own`` for the model's own.
    """

    names: Text = "imagenet"
    templates: Text = "imagenet"
    logit_scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] | Literal["own"] = 100.0


class PreprocessingCard(Strict):
    """A model's own preprocessing, in place of what its library says.

    Attributes:
        resize: Length of the shorter side; without it, pictures are not resized.
        interpolation: ``bilinear`` or ``bicubic``, antialiased.
        crop: Side of the square that is cut from the centre.
        mean: Of red, green and blue, in [0, 1].
        std: Likewise.
    """

    resize: Annotated[int, Field(gt=0)] | None = None
    interpolation: Literal["bilinear", "bicubic"] = "bicubic"
    crop: Annotated[int, Field(gt=0)]
    mean: Colours
    std: Colours


class ModelCard(Strict):
    """One model: where what it says comes from, and which roles it may play.

    Attributes:
        source: ``timm:NAME[@CHECKPOINT]``, ``open_clip:NAME@TAG-or-CHECKPOINT``, ``hf-hub:ORG/NAME``,
            ``python:MODULE:FACTORY``, ``onnx:FILE``; or ``predictions:PATH``: a file, or a folder with one table for
            each data set (``DATA.parquet``, ``.csv``, ``.npz`` or ``.npy``). Paths may hold ``${VARIABLES}`` of the
            environment.
        architecture: The family of the network, such as ``vit`` or ``convnext``.
        paradigm: How it was trained, such as ``supervised`` or ``clip``.
        pretraining: What it was trained on.
        parameters: How many parameters it has.
        data: The data sets that it has predictions on; a network without it is evaluated on all that have pictures.
        imports: A module that is imported before the network is made, so that timm or open_clip know it.
        weights: Which weights of a checkpoint that holds several; without it the averaged ones (EMA).
        head: The zero-shot head of a CLIP model.
        preprocessing: In place of the network's own; says the cast's protocol otherwise, that is still followed.
        numerics: In which precision the network computes, in place of the cast's.
        batch: How many pictures it sees in a pass, in place of 32 on a CPU and 128 on a GPU.
        device: ``cpu`` where it computes there whatever others do.
        format: The format of the file, where its header does not tell.
        ids: ``row-order`` where the rows have no ids, or the JSON file with the order of the rows.
        order: With ``row-order``: the name of the order; only tables that give the same name are paired.
        repeats: Sources of the same weights' answers under another batch size, precision or device: by as much as
            they differ, intervals are widened.
        context: True for a reference such as people: shown beside the models, selected by no finding.
        note: What a reader of its numbers should know.
    """

    source: Text
    architecture: Text
    paradigm: Text
    pretraining: Text | None = None
    parameters: Annotated[int, Field(gt=0)] | None = None
    data: Words | None = None
    imports: Text | None = None
    weights: Text | None = None
    head: HeadCard | None = None
    preprocessing: PreprocessingCard | None = None
    numerics: Precision | None = None
    batch: Annotated[int, Field(gt=0)] | None = None
    device: Literal["cpu"] | None = None
    format: Text | None = None
    ids: Text | None = None
    order: Text | None = None
    repeats: list[Text] = Field(default_factory=list)
    context: bool = False
    note: Text | None = None

    def __str__(self) -> str:
        size = f"{self.parameters / 1e6:.0f} M parameters" if self.parameters else None
        roles = [self.architecture, self.paradigm, self.pretraining, size, "context" if self.context else None]
        return ", ".join(role for role in roles if role)

    @property
    def live(self) -> bool:
        """Whether it is a network to evaluate, not a table of what one said."""
        return not self.source.startswith(PREDICTIONS)

    def plays(self, selector: Selector) -> bool:
        """Whether the card's roles match (the selector's ``model`` key is matched by the cast)."""
        mine = {"architecture": self.architecture, "paradigm": self.paradigm, "pretraining": self.pretraining}
        return all(mine[key] in words for key, words in selector.given().items() if key != "model")


class DataCard(Strict):
    """One data set: how its labels and annotations are read, and how large it is.

    Attributes:
        reader: Of pictures: ``imagenet`` (the validation set; its file names are the ids), ``folder`` (one for each
            class), ``imagenet-c``, ``cue-conflict``, ``pug``, ``webdataset``, ``parquet``. Of what is known of
            pictures: ``labels`` (CSV of id and label), ``label-sets`` (JSON of several labels for each image),
            ``imagenet-x`` (folder of annotations), ``corruptions`` (the root is the CSV of the clean images' labels,
            the rest is in the names), ``tables`` (labels come with the predictions). ``views``: the pictures of
            another set, seen in several ways. ``probe``: tasks that a linear probe learns from a network's features.
            ``similarity``: how alike a network's layers see the pictures of another set. (``network``, the network
            itself, is built in, for release policies: no cast names it.)
        root: The file or folder that the reader opens; may hold ``${VARIABLES}`` of the environment. Of ``webdataset``
            and ``parquet`` also ``hf-datasets:ORG/NAME``, which ``--download`` fetches from the hub. Of ``probe`` the
            folder of the tasks, or with ``{task}`` in the place of their names.
        labels: For flat folders of the reader ``imagenet``: CSV of file name and label.
        class_index: JSON that tells which class a folder is, where folders are neither ImageNet's synsets nor numbers.
        split: Of a WebDataset or Parquet set, such as ``test``.
        subset: True where the pictures are some of a larger set's: predictions and annotations of others are left out;
            needs ``images`` where ``labels`` lists more.
        of: For ``views`` and ``similarity``: the data set whose pictures are seen.
        views: For ``views``: ``scale/1.5``, ``shift/30``, ``resolution/336``, ``corruption/fog/3``, ``plain``.
        base: For ``views``: the one that the others are compared with; without it, the first of ``scale/1``,
            ``shift/0`` and ``plain`` that is among them.
        images: How many images the set has; known for the published sets.
        classes: How many classes its labels count; known for the published sets.
        version: Which edition of the set it is.
        label_space: ``imagenet-a``, ``imagenet-r``, ``cue-conflict`` or ``pug-imagenet``, or JSON that says which of
            the model's classes are the data set's (a list of indices: logits are sliced before the softmax), or which
            belong to each category (a list or object of lists: the mean of their probabilities). It applies to
            logits only.
        clean: For ``corruptions``: the data set of the clean images, for relative errors.
        tasks: For ``probe``: the names of the tasks in their groups; each is a folder in CLIP_benchmark's layout.
        features: For ``probe``: ``pooled``, what the classifier is fed with (the default), or ``projected``, of CLIP
            models the image embedding of unit length, of others the same as ``pooled``.
        recipe: For ``probe``: ``lbfgs``, which fits to the end and chooses its regularisation on a validation split
            (the default), or ``clip-benchmark``, CLIP_benchmark's, for comparison with values that were published.
        validation: For ``probe``: the split of each task that regularisation is chosen on; without it, a fifth of the
            training pictures.
    """

    reader: Literal[
        "imagenet", "folder", "imagenet-c", "cue-conflict", "pug", "webdataset", "parquet",
        "labels", "label-sets", "imagenet-x", "corruptions", "tables", "views", "similarity", "probe", "network",
    ]  # fmt: skip
    root: Text | None = None
    labels: Text | None = None
    class_index: Text | None = None
    split: Text | None = None
    subset: bool = False
    of: Text | None = None
    views: Annotated[list[Text], Field(min_length=1)] | None = None
    base: Text | None = None
    images: Annotated[int, Field(gt=0)] | None = None
    classes: Annotated[int, Field(gt=1)] | None = None
    version: Text | None = None
    label_space: Text | None = None
    clean: Text | None = None
    tasks: dict[TaskGroup, Annotated[list[TaskName], Field(min_length=1)]] | None = None
    features: Literal["pooled", "projected"] | None = None
    recipe: Literal["lbfgs", "clip-benchmark"] | None = None
    validation: Text | None = None

    @property
    def has_pictures(self) -> bool:
        """Whether a network can be evaluated on it."""
        return self.reader in PICTURE_READERS and self.root is not None

    @property
    def base_view(self) -> str | None:
        """The view that the other views are compared with; None where there is none."""
        return self.base or next((view for view in UNCHANGED if view in (self.views or ())), None)
