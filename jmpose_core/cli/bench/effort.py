"""jmpose bench effort: what it takes to correct predictions into ground truth, beside annotating from scratch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from jmpose_core.cli.bench.figures import JsonOption, keep
from jmpose_core.cli.evaluate import MatchOption, tell_matches
from jmpose_core.cli.terminal import show_table, tell
from jmpose_core.errors import FormatError
from jmpose_core.evaluation.effort import INPUTS, Edit
from jmpose_core.evaluation.effort_report import OF_HEAD
from jmpose_core.evaluation.labelling import Policy
from jmpose_core.evaluation.matching import Match

_NO_TRUTH = (
    "the demo clip comes without ground truth, so there is nothing to count against. Give --gt and --images: a "
    "PoseTrack or COCO file and its video or folder; or --gt and --pred: files or folders. Of a video of yours: "
    "correct every frame in the window, and `jmpose export PROJECT gt.json`"
)


def bench_effort(
    gt: Annotated[Path | None, typer.Option(help="Ground truth: a file, or with --pred a folder.")] = None,
    pred: Annotated[Path | None, typer.Option(help="Predictions: a file or a folder.")] = None,
    images: Annotated[
        Path | None, typer.Option(help="The ground truth's video or folder: predict in its boxes, then label.")
    ] = None,
    policy: Annotated[
        list[Policy] | None,
        typer.Option(help="With --images: what a correction does to other frames.", show_default="all of them"),
    ] = None,
    tolerance: Annotated[float, typer.Option(min=0.01, help="With --images: head sizes a joint may be off.")] = OF_HEAD,
    match: MatchOption = "auto",
    json_out: JsonOption = None,
) -> int:
    """What a simulated annotator does to bring predictions to truth, by each policy or beside starting from scratch."""
    if gt is None or (pred is None) == (images is None):
        raise FormatError(_NO_TRUTH)
    if images is not None:
        from jmpose_core.cli.bench.labelling import bench_labelling

        return bench_labelling(gt, images, policy or list(Policy), tolerance, json_out)
    assert pred is not None
    return _of_files(gt, pred, match, json_out)


def _of_files(gt: Path, pred: Path, match: Match, json_out: Path | None) -> int:
    """Mouse drags, clicks and key presses from prediction files, each frame by itself, and from scratch."""
    from jmpose_core.evaluation.effort_report import effort_report

    report = effort_report(gt, pred, match)
    tell_matches(report)
    tell(
        f"{report['frames']} labelled frames, {report['people']} people with {report['joints']} joints; "
        f"{report['predicted_people']} predicted, of whom {report['kept_people']} are kept"
    )
    tell("a joint may be off by half a head size; sizes from: " + _listed(report["tolerance_from"]))
    show_table(_rows(report))
    tell(
        f"correcting takes {report['actions_ratio']:.3f} of the actions (drags, clicks, keys) of annotating from "
        f"scratch, and {report['steps_ratio']:.3f} of its undo steps"
    )
    tell("not counted: going from frame to frame; from scratch, tracks come for nothing and a joint takes one click")
    return keep(report, json_out)


def _rows(report: Mapping[str, Any]) -> list[list[str]]:
    rows = [["", "undo steps", "drags", "clicks", "keys", "actions", "actions a person"]]
    for edit in Edit:
        if count := report["edits"].get(edit.value):
            inputs = [count * number for number in INPUTS[edit]]
            rows.append([edit.value, str(count), *map(str, inputs), str(sum(inputs)), ""])
    for name, key in (("correcting", "correcting"), ("from scratch", "from_scratch")):
        found = report[key]
        counts = [str(found[column]) for column in ("steps", "drags", "clicks", "keys", "actions")]
        rows.append([name, *counts, f"{found['actions_per_person']:.2f}"])
    return rows


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count} people)" for name, count in counts.items())
