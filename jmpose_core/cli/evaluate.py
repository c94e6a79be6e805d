"""jmpose eval: predictions measured against ground truth."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from jmpose_core.cli.terminal import show_table
from jmpose_core.formats.files import write_atomically


def evaluate_files(
    gt: Annotated[Path, typer.Option(help="Ground truth: a file or a folder.")],
    pred: Annotated[Path, typer.Option(help="Predictions: a file or a folder.")],
    metric: Annotated[Literal["posetrack", "posetrack21", "oks", "pck"], typer.Option()] = "posetrack",
    as_reference: Annotated[
        bool, typer.Option("--as-reference", help="The reference programs' figures, with their known defects.")
    ] = False,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")] = None,
) -> int:
    """Measure predictions against ground truth."""
    from jmpose_core.evaluation.report import evaluate, sequence_table, table  # imports pandas

    report = evaluate(gt, pred, metric, as_reference)
    show_table(table(report))
    if "per_sequence" in report:
        show_table(sequence_table(report))
    if json_out is not None:
        write_atomically(json_out, msgspec.json.format(msgspec.json.encode(report), indent=2))
    return 0
