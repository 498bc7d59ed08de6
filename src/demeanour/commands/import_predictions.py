"""``demeanour import``: predictions of any known format as a checked table."""

from __future__ import annotations

import argparse
from pathlib import Path

from demeanour.commands.common import CAST_HELP
from demeanour.evidence.importing import import_predictions
from demeanour.findings.thresholds import load_thresholds, thresholds_folder
from demeanour.verdicts.outcome import AS_EXPECTED


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("file", type=Path, help="predictions in any known format")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="TABLE.parquet")
    parser.add_argument("--data", required=True, help="the data set that was predicted")
    parser.add_argument("--cast", help=f"{CAST_HELP}; its data card has the ids and labels to check against")
    parser.add_argument("--format", help="the file's format, where its header does not tell")
    parser.add_argument("--ids", metavar="JSON", help="the file with the images in the order of the rows")
    parser.add_argument("--order", metavar="NAME", help="the name of the order that tables without ids share")
    parser.add_argument("--images", type=int, help="how many images an unpublished set has")
    parser.add_argument("--classes", type=int, help="how many classes an unpublished set has")


def run(options: argparse.Namespace) -> int:
    """Convert a file of predictions to a checked prediction table."""
    cast = load_thresholds(options.cast, None, thresholds_folder()).cast if options.cast else None
    table = import_predictions(
        options.file, options.data, options.output, cast=cast, file_format=options.format, ids=options.ids,
        order=options.order, images=options.images, classes=options.classes,
    )  # fmt: skip
    print(f"{options.output}: {len(table):,} images, columns {', '.join(['id', *table.columns])}")
    return AS_EXPECTED
