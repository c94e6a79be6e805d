"""`python -m train finetune` and `jm-pose`: trainings that report by jmpose_core.training_messages on standard output.

The recipes of the bundled weights are commands of their own: train.recipes.
"""

import sys

from train.loop.signals import end_on_signals, stop_on_signals


def main() -> int:
    """Exit code 0 when the training came to its end, 1 with a message that says why not, 130 when it was stopped."""
    end_on_signals()  # torch takes seconds to be imported, and nothing has begun that could be lost
    from jmpose_core.child_process import INTERRUPTED
    from jmpose_core.errors import Cancelled, JMPoseError
    from jmpose_core.training_messages import TrainingFailed
    from train.commands import parse
    from train.loop.reports import report

    arguments = parse()
    should_stop = stop_on_signals()
    try:
        return arguments.run(arguments, should_stop)
    except Cancelled:
        return INTERRUPTED
    except JMPoseError as error:
        report(TrainingFailed(str(error)))
        return 1


if __name__ == "__main__":
    sys.exit(main())
