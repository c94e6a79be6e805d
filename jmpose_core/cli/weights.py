"""jmpose weights: what there is, and what a file says of itself."""

from typing import Annotated

import typer

import resources
from jmpose_core.cli.terminal import show_table, tell

weights = typer.Typer(help="Bundled and foreign weights.", no_args_is_help=True)


@weights.command("list")
def list_weights() -> None:
    """The weights that come with the program."""
    from jmpose_core.weights import read_card

    rows = [["name", "variant", "size", "figures"]]
    for path in sorted(resources.WEIGHTS.glob("*.safetensors")):
        card = read_card(path)
        figures = ", ".join(f"{name} {value:.3f}" for name, value in card.figures.items())
        rows.append([path.stem, card.variant, f"{path.stat().st_size / 1e6:.1f} MB", figures])
    show_table(rows)


@weights.command("show")
def show_weights(name: Annotated[str, typer.Argument(help="A bundled name or a weights file.")]) -> None:
    """Everything a weights file says of itself."""
    from jmpose_core.weights import find_weights, read_weights

    state, card = read_weights(name)
    tell(str(find_weights(name)))
    tell(f"variant         {card.variant}")
    tell(f"crop            {card.crop_size[0]} x {card.crop_size[1]} (height x width)")
    tell(f"joints          {', '.join(card.joints)}")
    tell(f"parameters      {_millions(state):.2f} M")
    tell(f"training data   {', '.join(card.training_data)}")
    tell(f"recipe          {card.recipe}")
    for figure, value in card.figures.items():
        tell(f"  {figure}: {value:.4f}")


def _millions(state: dict) -> float:
    return sum(tensor.numel() for name, tensor in state.items() if "running_" not in name) / 1e6
