"""jmpose weights: what there is, and what a file says of itself."""

from typing import Annotated

import typer
from rich.table import Table

import resources
from jmpose_core.cli.terminal import console

weights = typer.Typer(help="Bundled and foreign weights.", no_args_is_help=True)


@weights.command("list")
def list_weights() -> int:
    """The weights that come with the program."""
    from jmpose_core.weights import read_card

    shown = Table("name", "variant", "size", "figures")
    for path in sorted(resources.WEIGHTS.glob("*.safetensors")):
        card = read_card(path)
        figures = ", ".join(f"{name} {value:.3f}" for name, value in card.figures.items())
        shown.add_row(path.stem, card.variant, f"{path.stat().st_size / 1e6:.1f} MB", figures)
    console.print(shown)
    return 0


@weights.command("show")
def show_weights(name: Annotated[str, typer.Argument(help="A bundled name or a weights file.")]) -> int:
    """Everything a weights file says of itself."""
    from jmpose_core.weights import find_weights, read_weights

    state, card = read_weights(name)
    console.print(f"[bold]{find_weights(name)}[/]", soft_wrap=True)
    console.print(f"variant         {card.variant}")
    console.print(f"crop            {card.crop_size[0]} x {card.crop_size[1]} (height x width)")
    console.print(f"joints          {', '.join(card.joints)}", soft_wrap=True)
    console.print(f"parameters      {_millions(state):.2f} M")
    console.print(f"training data   {', '.join(card.training_data)}", soft_wrap=True)
    console.print(f"recipe          {card.recipe}", soft_wrap=True)
    for figure, value in card.figures.items():
        console.print(f"  {figure}: {value:.4f}")
    return 0


def _millions(state: dict) -> float:
    return sum(tensor.numel() for name, tensor in state.items() if "running_" not in name) / 1e6
