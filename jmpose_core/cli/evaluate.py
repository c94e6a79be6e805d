"""jmpose eval: predictions measured against ground truth."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import typer

from jmpose_core.cli.terminal import show_table, tell
from jmpose_core.errors import FormatError
from jmpose_core.formats.files import check_replaceable, write_atomically

MatchOption: TypeAlias = Annotated[
    Literal["auto", "names", "position"],
    typer.Option(help="Which image is which: auto asks for the same images in the same order."),
]


def evaluate_files(
    gt: Annotated[Path, typer.Option(help="Ground truth: a file or a folder; for pck also JHMDB's or HiEve's.")],
    pred: Annotated[Path, typer.Option(help="Predictions: a file or a folder.")],
    metric: Annotated[
        Literal["posetrack", "posetrack21", "oks", "pck", "boxes"],
        typer.Option(help="Which figures: PoseTrack's AP and MOTA, PoseTrack21's, COCO's AP, PCK, or tracked boxes."),
    ] = "posetrack",
    as_reference: Annotated[
        bool, typer.Option("--as-reference", help="The reference programs' figures, with their known defects.")
    ] = False,
    match: MatchOption = "auto",
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")] = None,
) -> int:
    """Measure predictions against ground truth."""
    from jmpose_core.evaluation.report import evaluate, sequence_table, table  # imports pandas

    if json_out is not None:
        _check_report_file(json_out, (gt, pred))
    report = evaluate(gt, pred, metric, as_reference, match)
    tell_matches(report)
    show_table(table(report))
    if "per_sequence" in report:
        show_table(sequence_table(report))
    for remark in report.get("remarks", ()):
        tell(remark)
    if json_out is not None:
        write_atomically(json_out, msgspec.json.format(msgspec.json.encode(report), indent=2))
    return 0


def _check_report_file(path: Path, sources: Sequence[Path]) -> None:
    """Refuse, before the work, a place that cannot be written or that holds what is measured."""
    check_replaceable(path)
    for source in sources:
        inside = source.is_dir() and source.resolve() in path.resolve().parents and path.exists()
        if inside or path.resolve() == source.resolve():
            raise FormatError(f"{path}: is one of the files to be measured; choose another name for the figures")


def tell_matches(report: Mapping[str, Any]) -> None:
    """Say which images were matched, and by what."""
    for said in report["images"]:
        left_out = f"; {said['left_out']} images of the predictions are left out" if said.get("left_out") else ""
        others = said.get("other_categories")
        left_out += f"; {others} results of other categories do not count" if others else ""
        tell(f"{said['gt']}: {said['images']} images matched by {said['by']}{left_out}")
