"""The commands of the menu View: what is drawn, and how."""

from collections.abc import Callable
from functools import partial

from app.look.light import Light
from app.picture.frame_view import FrameView
from app.session.view_state import ColourBy, Layer, ViewState
from app.session.workbench import Workbench
from app.window.actions import Command


def view_commands(
    bench: Workbench,
    view: FrameView,
    next_theme: Callable[[], object],
    *,
    video: Callable[[], bool],
    person: Callable[[], bool],
) -> list[Command]:
    """All of them; `video` and `person` say whether there is one that is looked at."""
    state = bench.view_state
    layers = [
        Command(
            layer.value,
            "View",
            layer.value.capitalize(),
            partial(state.set_layer, layer),
            (str(number),),
            layer.value,
            video,
            checked=lambda layer=layer: state.layer is layer,
        )
        for number, layer in enumerate(Layer, 1)
    ]
    return [
        *layers,
        Command("fit", "View", "Fit", view.fit, ("F",), "fit", video, separated=True),
        Command("zoom_person", "View", "Zoom to person", view.zoom_to_person, ("Shift+F",), "", person),
        Command(
            "hide",
            "View",
            "Hide people",
            lambda: state.set_people_hidden(not state.people_hidden),
            ("H",),
            "hide",
            video,
            checked=lambda: state.people_hidden,
        ),
        Command(
            "alone",
            "View",
            "Only the selected person",
            lambda: state.set_alone(not state.alone),
            ("Shift+H",),
            "",
            video,
            checked=lambda: state.alone,
        ),
        Command(
            "colour",
            "View",
            "Colour by track",
            state.toggle_colours,
            ("C",),
            "",
            video,
            checked=lambda: state.colour_by is ColourBy.TRACK,
        ),
        Command(
            "ghosts",
            "View",
            "Ghosts of the frames around",
            lambda: state.set_ghosts(not state.ghosts),
            ("Shift+G",),
            "",
            video,
            checked=lambda: state.ghosts,
        ),
        *_light_commands(state, video),
        Command("theme", "View", "Light or dark", next_theme, (), "theme", separated=True),
    ]


def _light_commands(state: ViewState, video: Callable[[], bool]) -> list[Command]:

    def light(name: str, text: str, key: str, change: Callable[[Light], Light], *, line: bool = False) -> Command:
        def run() -> None:
            state.set_light(change(state.light))

        return Command(name, "View", text, run, (key,), "", video, separated=line)

    return [
        light("brighter", "Brighter", "Alt+Up", lambda now: now.brighter(1), line=True),
        light("darker", "Darker", "Alt+Down", lambda now: now.brighter(-1)),
        light("more_contrast", "More contrast", "Alt+Shift+Up", lambda now: now.contrasted(1)),
        light("less_contrast", "Less contrast", "Alt+Shift+Down", lambda now: now.contrasted(-1)),
        light("neutral_light", "Picture as it is", "Alt+0", lambda _: Light()),
    ]
