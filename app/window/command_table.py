"""Every command of the window: menu, text, keys, icon, what it does and when it makes sense."""

from collections.abc import Callable
from functools import partial

from app.look.theme import ThemeController
from app.picture.frame_view import FrameView
from app.session.jumps import BACKWARD, FORWARD
from app.session.workbench import Workbench
from app.window.actions import Command
from app.window.prompts import Prompts
from app.window.view_commands import view_commands
from jmpose_core.queue.proposals import Proposal


class CommandTable:
    """Makes the commands, menu by menu, in the order of the menus."""

    def __init__(
        self,
        bench: Workbench,
        view: FrameView,
        prompts: Prompts,
        theme: ThemeController,
        *,
        rename: Callable[[], object],
        evaluate: Callable[[], object],
        show_statistics: Callable[[], object],
        show_history: Callable[[], object],
        show_commands: Callable[[], object],
        show_preferences: Callable[[], object],
        leave: Callable[[], object],
    ) -> None:
        """Each shows what it is named after; `evaluate` fills its panel as well, `leave` closes the window.

        `rename` lets the name of the selected person be typed.
        """
        self._bench, self._view, self._prompts, self._theme = bench, view, prompts, theme
        self._evaluate, self._show_statistics, self._show_commands = evaluate, show_statistics, show_commands
        self._show_preferences, self._leave, self._rename = show_preferences, leave, rename
        self._show_history = show_history

    def commands(self) -> list[Command]:
        """All of them."""
        return [
            *self._file(),
            *self._edit(),
            *self._tracks(),
            *self._go(),
            *self._model(),
            *self._tools(),
            *view_commands(self._bench, self._view, self._next_theme, video=self._video, person=self._person),
            *self._help(),
        ]

    # Conditions

    def _video(self) -> bool:
        return self._bench.view_state.video is not None

    def _person(self) -> bool:
        return self._bench.shown.person is not None

    def _track(self) -> bool:
        return self._video() and self._bench.shown.track_id is not None

    def _joint(self) -> bool:
        return self._person() and self._bench.shown.joint is not None

    def _in_queue(self) -> bool:
        return self._bench.queue.current is not None

    def _at_fault(self) -> bool:
        return isinstance(self._bench.queue.current, Proposal)

    def _can_predict(self) -> bool:
        return self._bench.video_path is not None and not self._bench.predictions.running

    def _can_refine(self) -> bool:
        return self._can_predict() and self._person()

    def _has_marked(self) -> bool:
        return self._bench.view_state.marked is not None

    def _can_cancel(self) -> bool:
        return self._bench.predictions.running and not self._bench.predictions.cancelling

    # Menus

    def _file(self) -> list[Command]:
        ask, bench, video = self._prompts, self._bench, self._video
        return [
            Command("open_video", "File", "Open video…", ask.video, ("Ctrl+O",), "open", short="Open"),
            Command("open_folder", "File", "Open folder of frames…", ask.folder, (), "folder", short="Open"),
            Command("open_project", "File", "Open project…", ask.project, ("Ctrl+Shift+O",), "project", short="Open"),
            Command("add_video", "File", "Add video to project…", ask.add_video, (), "", video, separated=True),
            Command("add_folder", "File", "Add folder of frames to project…", ask.add_folder, (), "", video),
            Command("locate", "File", "Locate moved video…", ask.locate, (), "search", video),
            Command("import", "File", "Import…", ask.import_people, ("Ctrl+I",), "import", video, separated=True),
            Command("export", "File", "Export…", ask.export, ("Ctrl+E",), "export", video),
            Command("close", "File", "Close project", bench.close_project, ("Ctrl+W",), "", video, separated=True),
            Command("quit", "File", "Quit", self._leave, ("Ctrl+Q",)),
        ]

    def _edit(self) -> list[Command]:
        edit, project, queue = self._bench.editor, self._bench.project, self._bench.queue
        person, joint = self._person, self._joint
        return [
            Command(
                "undo",
                "Edit",
                "Undo",
                project.undo,
                ("Ctrl+Z",),
                "undo",
                lambda: project.undo_text is not None,
                label=lambda: _with_step("Undo", project.undo_text),
            ),
            Command(
                "redo",
                "Edit",
                "Redo",
                project.redo,
                ("Ctrl+Shift+Z", "Ctrl+Y"),
                "redo",
                lambda: project.redo_text is not None,
                label=lambda: _with_step("Redo", project.redo_text),
            ),
            Command("history", "Edit", "History", self._show_history, ("Ctrl+H",), "", self._video),
            Command("occluded", "Edit", "Joint occluded", edit.toggle_occluded, ("Q",), "", joint, separated=True),
            Command("absent", "Edit", "Joint absent", edit.toggle_absent, ("O",), "", joint),
            Command("copy", "Edit", "Copy last labelled pose", edit.copy_labels, ("Ctrl+D",), "", self._track),
            Command("snap", "Edit", "Snap joint to a peak of the model", self._bench.snapping.snap, ("G",), "", joint),
            Command(
                "verify",
                "Edit",
                "Verify person",
                edit.verify_person,
                ("Return", "Enter"),
                "check",
                person,
                separated=True,
            ),
            Command(
                "verify_frame",
                "Edit",
                "Verify frame and go on",
                edit.verify_frame,
                ("Shift+Return", "Shift+Enter"),
                "",
                self._video,
            ),
            Command("confirm", "Edit", "This is right", queue.confirm, ("V",), "", self._in_queue),
            Command("mend", "Edit", "Mend the tracks as proposed", queue.mend, ("Shift+V",), "", self._at_fault),
            Command("swap", "Edit", "Swap left and right", edit.swap_sides, ("X",), "swap", person),
            Command("delete", "Edit", "Delete person", edit.delete_person, ("Del",), "trash", person),
            Command(
                "add_person", "Edit", "Add person", self._begin_box, ("N",), "person-add", self._video, separated=True
            ),
            Command("preferences", "Edit", "Preferences…", self._show_preferences, ("Ctrl+,",), separated=True),
        ]

    def _tracks(self) -> list[Command]:
        """Those that change a range of frames: the marked one, or from here to the end."""
        edit, tracks, ask, state = self._bench.editor, self._bench.track_editor, self._prompts, self._bench.view_state

        def track(name: str, text: str, run: Callable[[], object], *keys: str) -> Command:
            return Command(name, "Tracks", text, run, keys, "", self._person)

        return [
            Command("mark_from", "Tracks", "Mark frames from here", state.mark_from_here, ("[",), "", self._video),
            Command("mark_to", "Tracks", "Mark frames to here", state.mark_to_here, ("]",), "", self._video),
            Command("unmark", "Tracks", "Unmark frames", partial(state.mark, None), (), "", self._has_marked),
            Command("rename", "Tracks", "Name person…", self._rename, ("F2",), "", self._track, separated=True),
            Command("merge", "Tracks", "Merge tracks…", ask.merge, ("M",), "", self._track),
            Command("split", "Tracks", "Split track", tracks.split, ("Alt+M",), "", self._track),
            track("track", "Set track…", ask.track, "T"),
            track("swap_tracks", "Swap tracks", ask.swap_tracks, "Ctrl+T"),
            track("swap_range", "Swap left and right in range", edit.swap_sides_in_range, "Shift+X"),
            track("delete_range", "Delete person in range", tracks.delete_in_range, "Shift+Del"),
            *(
                track(f"track_{number}", f"Set track {number}", partial(tracks.put_on_track, number), f"Ctrl+{number}")
                for number in range(1, 10)
            ),
        ]

    def _go(self) -> list[Command]:
        nav, jumps, video = self._bench.navigator, self._bench.jumps, self._video

        def go(
            name: str, text: str, run: Callable[[], object], *keys: str, icon: str = "", line: bool = False
        ) -> Command:
            return Command(name, "Go", text, run, keys, icon, video, separated=line)

        return [
            go("play", "Play", self._bench.playback.toggle, "P", icon="play"),
            go("next", "Next frame", partial(nav.step, 1), "Right", "D", icon="next", line=True),
            go("previous", "Previous frame", partial(nav.step, -1), "Left", "A", icon="previous"),
            go("next_10", "Ten frames on", partial(nav.step, 10), "Ctrl+Right"),
            go("previous_10", "Ten frames back", partial(nav.step, -10), "Ctrl+Left"),
            go("next_100", "A hundred frames on", partial(nav.step, 100), "Ctrl+Shift+Right"),
            go("previous_100", "A hundred frames back", partial(nav.step, -100), "Ctrl+Shift+Left"),
            go("first", "First frame", nav.to_start, "Home", icon="first"),
            go("last", "Last frame", nav.to_end, "End", icon="last"),
            go("next_labelled", "Next labelled frame", partial(jumps.to_labelled, FORWARD), "Alt+Right", line=True),
            go("previous_labelled", "Previous labelled frame", partial(jumps.to_labelled, BACKWARD), "Alt+Left"),
            go(
                "next_count",
                "Next change in the number of people",
                partial(jumps.to_count_change, FORWARD),
                "Alt+Shift+Right",
            ),
            go(
                "previous_count",
                "Previous change in the number of people",
                partial(jumps.to_count_change, BACKWARD),
                "Alt+Shift+Left",
            ),
            go("review_next", "Next likely error", self._bench.queue.next, "Space", line=True),
            go("review_previous", "Previous likely error", self._bench.queue.previous, "Shift+Space"),
            go("low_confidence", "Next low-confidence joint", nav.next_low_confidence, "E"),
            go("next_joint", "Next joint", partial(nav.next_joint, 1), "S"),
            go("previous_joint", "Previous joint", partial(nav.next_joint, -1), "W"),
            go("next_person", "Next person", partial(nav.next_person, 1), "Tab"),
            go("previous_person", "Previous person", partial(nav.next_person, -1), "Shift+Tab"),
        ]

    def _model(self) -> list[Command]:
        bench, ask = self._bench, self._prompts
        return [
            Command("predict", "Model", "Predict", bench.predict_all, ("Ctrl+P",), "predict", self._can_predict),
            Command("refine", "Model", "Refine by my labels", bench.refine, ("Ctrl+R",), "", self._can_refine),
            Command(
                "cancel",
                "Model",
                "Cancel prediction",
                bench.predictions.cancel,
                ("Ctrl+.",),
                "stop",
                self._can_cancel,
                short="Cancel",
            ),
            Command("system", "Model", "Pose network…", ask.system, separated=True),
            Command(
                "finetune",
                "Model",
                "Fine-tune…",
                ask.finetune,
                (),
                "finetune",
                lambda: self._video() or bench.finetune.running,
                label=lambda: "Show training…" if bench.finetune.running else "Fine-tune…",
                separated=True,
            ),
        ]

    def _tools(self) -> list[Command]:
        return [
            Command(
                "evaluate",
                "Tools",
                "Evaluate predictions…",
                self._evaluate,
                ("Ctrl+Shift+E",),
                "evaluate",
                self._video,
                short="Evaluate",
            ),
            Command("statistics", "Tools", "Effort and progress", self._show_statistics, (), "", self._video),
        ]

    def _help(self) -> list[Command]:
        return [
            Command("palette", "Help", "Commands and keys", self._show_commands, ("Ctrl+K", "F1"), "search"),
            Command("about", "Help", "About JM-Pose Studio", self._prompts.about, separated=True),
        ]

    # What is too small for a place of its own

    def _begin_box(self) -> None:
        self._view.begin_box()
        self._bench.messages.info("Draw a box around the person; Escape calls it off.")

    def _next_theme(self) -> None:
        mode = self._theme.next_mode()
        self._bench.settings.theme = mode
        self._bench.messages.info(f"Theme: {mode.value}")


def _with_step(word: str, step: str | None) -> str:
    return f"{word} “{step}”" if step else word
