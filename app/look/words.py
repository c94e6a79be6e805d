"""How a joint's state is put into words, everywhere in the window alike."""

from jmpose_core.annotations import Annotation, Origin, Visibility


def confidence_text(person: Annotation, joint: int) -> str:
    """The model's confidence, of joints that are the model's; of those that a person has settled there is none."""
    ours = Origin(person.origin[joint]) in (Origin.PREDICTED, Origin.PROPAGATED)
    return f"{person.confidence[joint]:.2f}" if ours else ""


def origin_text(person: Annotation, joint: int) -> str:
    """Who put the joint where it is: "predicted", "corrected"…; empty where nobody has."""
    origin = Origin(person.origin[joint])
    return "" if origin is Origin.NONE else origin.name.lower()


def joint_note(person: Annotation, joint: int) -> str:
    """All of it in a few words: "0.83 predicted", "occluded corrected", "absent"."""
    visibility = Visibility(person.visibility[joint])
    seen = "" if visibility is Visibility.VISIBLE else visibility.name.lower()
    parts = (confidence_text(person, joint), seen, origin_text(person, joint))
    return " ".join(part for part in parts if part)
