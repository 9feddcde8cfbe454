"""What `manage.py outbox` can be asked to do, one module an action."""

from outbox.management.actions.action import Action
from outbox.management.actions.adopt import Adopt
from outbox.management.actions.deliver import Deliver
from outbox.management.actions.quarantine import Quarantine
from outbox.management.actions.replay import Replay
from outbox.management.actions.rotate import Rotate
from outbox.management.actions.seal import Seal
from outbox.management.actions.status import ShowStatus
from outbox.management.actions.verify import Verify

ACTIONS: tuple[type[Action], ...] = (ShowStatus, Verify, Seal, Deliver, Replay, Quarantine, Rotate, Adopt)
