"""jmpose weights: what there is and what it costs, and public checkpoints brought in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

import resources
from jmpose_core.checkpoints.downloads import DOWNLOADS, Download, find_download
from jmpose_core.cli.terminal import errors, show_table, stoppable, tell
from jmpose_core.errors import WeightsError

if TYPE_CHECKING:
    from jmpose_core.checkpoints.conversion import Conversion
    from jmpose_core.checkpoints.fetching import OnProgress
    from jmpose_core.weights.files import WeightsCard

weights = typer.Typer(help="Bundled weights, and public checkpoints brought in.", no_args_is_help=True)


@weights.command("list")
def list_weights() -> None:
    """The weights that are here, and the public checkpoints that can be downloaded."""
    from jmpose_core.weights.files import installed_cards

    rows = [["name", "variant", "size", "figures"]]
    here, faults = installed_cards()
    for path, card in here.items():
        figures = "; ".join(f"{name} {value:.3f}" for name, value in card.figures.items())
        rows.append([path.stem, card.variant, f"{path.stat().st_size / 1e6:.1f} MB", figures])
    show_table(rows)
    for fault in faults.values():
        tell(f"left out: {fault}")
    names = {path.stem for path in here}
    rows = [["to download", "size", "trained on", "SHA-256"]]
    for download in DOWNLOADS:
        if download.name not in names:
            known = f"{download.sha256_start}..." if download.sha256_start else "not stated"
            rows.append([download.name, f"~{download.megabytes} MB", ", ".join(download.trained_on), known])
    if len(rows) > 1:
        tell("")
        show_table(rows)


@weights.command("show")
def show_weights(
    name: Annotated[str | None, typer.Argument(help="A name that `list` shows, or a weights file.")] = None,
    variant: Annotated[str | None, typer.Option(help="A variant by its name, with or without weights.")] = None,
) -> None:
    """What a weights file says of itself; or a variant's input, size, cost, and the figures of its weights here."""
    if name is not None and variant is None:
        _tell_card(name)
    elif variant is not None and name is None:
        _tell_overview(variant)
        _tell_weights_of(variant)
    else:
        raise WeightsError("name weights or a --variant, one of the two")


@weights.command("convert")
def convert_files(
    files: Annotated[list[Path], typer.Argument(help="Checkpoints, one a part: HRNet, RAFT, DCPose.")],
    variant: Annotated[str, typer.Option(help="What they are to become: hrnet_w48, raft_large, jmpose_w48, ...")],
    out: Annotated[Path | None, typer.Option(help="The file to write; else the variant's name in your data.")] = None,
    joints: Annotated[
        str | None, typer.Option(help="What a head of 17 joints detects: coco17 or posetrack18; else as published.")
    ] = None,
    keys: Annotated[
        bool, typer.Option("--keys", help="Name every key: where it went, or why it was left out.")
    ] = False,
) -> None:
    """Bring in checkpoints of other programs: each tensor finds its place, or nothing is written."""
    from jmpose_core.checkpoints.conversion import convert
    from jmpose_core.weights.files import save_weights, user_weights

    if out is None and (resources.WEIGHTS / f"{variant}.safetensors").is_file():
        raise WeightsError(f"{variant} is the name of bundled weights; name a file with --out")
    conversion = convert(files, variant, joints=joints)
    path = out or user_weights() / f"{variant}.safetensors"
    save_weights(path, conversion.state, conversion.card)
    if keys:
        _tell_keys(conversion)
    _tell_conversion(conversion)
    tell(str(path))


@weights.command("download")
def download_weights(name: Annotated[str, typer.Argument(help="A name that `jmpose weights list` shows.")]) -> None:
    """Fetch a public checkpoint from its publisher and bring it in; a torn download goes on where it stopped."""
    from jmpose_core.checkpoints.fetching import fetch
    from jmpose_core.weights.files import user_weights

    download = find_download(name)
    with stoppable() as should_stop, _download_bar(name) as show:
        fetched = fetch(download, user_weights() / "originals", on_progress=show, should_stop=should_stop)
    tell(f"{fetched.path}")
    tell(f"SHA-256 {fetched.sha256}")
    tell(_checked(download, verified=fetched.verified))

    from jmpose_core.checkpoints.conversion import convert
    from jmpose_core.weights.files import save_weights

    conversion = convert([fetched.path], download.variant, training_data=download.trained_on)
    _tell_conversion(conversion)
    path = user_weights() / f"{name}.safetensors"
    save_weights(path, conversion.state, conversion.card)
    tell(f"{path}, to be named as {name}")


def _checked(download: Download, *, verified: bool) -> str:
    """What the hash was compared with."""
    if verified:
        return f"it starts with {download.sha256_start}, as its publisher states"
    return (
        "not checked against a published digest: this program knows of none for this file. "
        f"Compare it with one that you trust, of {download.url}"
    )


def _tell_card(name: str) -> None:
    """What a weights file says of itself, and what its network costs."""
    from jmpose_core.checkpoints.variants import variants
    from jmpose_core.model.calibration import is_calibrated
    from jmpose_core.model.systems import POSE_NETWORKS
    from jmpose_core.weights.files import find_weights, read_card, tensor_names

    path, card = find_weights(name), read_card(name)
    tell(str(path))
    tell(f"variant         {card.variant}")
    tell(f"joints          {', '.join(card.joints)}")
    tell(f"training data   {', '.join(card.training_data)}")
    tell(f"recipe          {card.recipe}")
    if card.base:
        tell(f"base            {card.base}: the backbone and the flow are read from there")
    if card.variant in POSE_NETWORKS:
        tell(f"confidence: {'calibrated' if is_calibrated(tensor_names(path)) else 'uncalibrated (raw peak)'}")
    _tell_figures(card)
    if card.variant in variants():
        _tell_overview(card.variant, **card.options)


def _tell_weights_of(variant: str) -> None:
    """The installed weights of a variant by their names, each with its figures."""
    from jmpose_core.weights.files import named_cards

    found = {name: card for name, card in named_cards().items() if card.variant == variant}
    for name, card in found.items():
        tell(f"weights         {name}{'' if card.figures else ': its card has no figures'}")
        _tell_figures(card)
    if not found:
        tell("weights         none are installed")


def _tell_figures(card: "WeightsCard") -> None:
    for figure, value in card.figures.items():
        tell(f"  {figure}: {value:.4f}")


def _tell_overview(variant: str, **options: bool | int | float | str) -> None:
    """Input, and parameters and multiply-adds of each module."""
    from jmpose_core.checkpoints.variants import overview_of

    overview = overview_of(variant, **options)
    tell(f"input           {overview.receptive_input}")
    rows = [["module", "parameters", "multiply-adds"]]
    for module, cost in overview.costs.items():
        rows.append([module, f"{cost.parameters / 1e6:.2f} M", f"{cost.multiply_adds / 1e9:.2f} G"])
    show_table(rows)
    tell("G is 10^9. HRNet's authors count in 2^30: their 32.9 GFLOPs (W48, 384 x 288) are 35.3 G here.")


def _tell_conversion(conversion: "Conversion") -> None:
    """Where every tensor went, by groups."""
    from jmpose_core.checkpoints.conversion import grouped

    rows = [["file", "tensors", "what became of them"]]
    for report in conversion.files:
        name = f"{report.file.name} ({report.layout})"
        rows.append([name, str(len(report.matched)), "matched"])
        for why, names in grouped(report.left_out).items():
            rows.append([name, str(len(names)), f"left out: {names[0]}{', ...' if len(names) > 1 else ''}: {why}"])
        if report.dropped_joints:
            rows.append([name, str(len(report.dropped_joints)), f"rows left out: {', '.join(report.dropped_joints)}"])
    for why, names in grouped(conversion.new).items():
        rows.append(["(new)", str(len(names)), why])
    show_table(rows)


def _tell_keys(conversion: "Conversion") -> None:
    """Every key of every file with its name in the new file, or why it is not there; then what no file had."""
    for report in conversion.files:
        tell(f"{report.file.name} ({report.layout})")
        for ours, theirs in report.matched.items():
            tell(f"  {theirs} -> {ours}{'' if ours in conversion.state else ' (folded into the norm after it)'}")
        for theirs, why in report.left_out.items():
            tell(f"  {theirs}: left out: {why}")
    for ours, how in conversion.new.items():
        tell(f"  (new) {ours}: {how}")


@contextmanager
def _download_bar(name: str) -> Iterator["OnProgress"]:
    """Bytes, rate and time left."""
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), *columns, console=errors) as bar:
        task = bar.add_task(escape(name), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
