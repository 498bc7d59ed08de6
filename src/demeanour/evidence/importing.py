"""From a file of predictions to a prediction table of one's own, checked on the way."""

from __future__ import annotations

from pathlib import Path

from demeanour.errors import EvidenceError, ThresholdsError, did_you_mean
from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import Store, write_table
from demeanour.evidence.table import PredictionTable
from demeanour.files import file_hash
from demeanour.findings.cards import ROW_ORDER, DataCard, ModelCard
from demeanour.findings.cast import Cast

NAME = "imported"


def import_predictions(
    file: Path,
    data: str,
    output: Path,
    *,
    cast: Cast | None = None,
    file_format: str | None = None,
    ids: str | None = None,
    order: str | None = None,
    images: int | None = None,
    classes: int | None = None,
) -> PredictionTable:
    """Read a file as a card of a cast would be read, check it, and write it as Parquet.

    Args:
        file: The predictions.
        data: The data set that was predicted.
        output: Where the table goes; must end in ``.parquet``.
        cast: The cast whose data card holds ids and labels to check against; without it, only the sizes of
            published sets are known.
        file_format: The file's format, where its header does not tell.
        ids: The JSON file with the images in the order of the rows.
        order: The name of the order that tables without ids share.
        images: How many images an unpublished set has.
        classes: How many classes an unpublished set has.

    Raises:
        ThresholdsError: The cast does not know the data set, or the output is no Parquet file.
        NotMeasuredError: A file is missing.
        EvidenceError: The file does not pass a check; nothing is written.
    """
    if output.suffix != ".parquet":
        raise ThresholdsError(f"{output}: a prediction table is written as Parquet; name it {output.stem}.parquet")
    if cast is not None and data not in cast.data:
        raise ThresholdsError(f"the cast {cast.name} has no data set '{data}'; {did_you_mean(data, cast.data)}")
    cards = cast.data if cast is not None else {}
    card = cards.get(data)
    if card is None:
        card = DataCard(
            reader="cue-conflict" if data == "cue-conflict" else "tables", images=images, classes=classes
        )
    model = ModelCard(
        source=f"predictions:{file.absolute()}", architecture=NAME, paradigm=NAME, data=[data], format=file_format,
        ids=ROW_ORDER if order else ids and str(Path(ids).absolute()), order=order,
    )  # fmt: skip
    base = cast.path if cast is not None else file.absolute()
    alone = Cast(
        about=NAME, protocol=NAME, models={NAME: model}, data={**cards, data: card}, name=NAME, path=base
    )
    evidence = Evidence(alone, Store.default())
    table = evidence.table(NAME, data)
    if cast is not None or card.reader == "cue-conflict":
        evidence.observations(NAME, data)
    if output.exists() and output.samefile(file):
        raise EvidenceError(f"{output}: is the file to import; write the table elsewhere")
    write_table(output, table, {"data": data, "source": file.name, "source_sha256": file_hash(file)})
    return table
