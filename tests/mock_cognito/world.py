"""The state of the whole service: every room in one place, reset together."""

import copy
import threading

from .chance import Chance
from .clock import Clock
from .faults import Faults
from .grants import Grants
from .imds import Metadata
from .journal import Journal
from .keys import Keys
from .outbox import Outbox
from .sessions import Sessions
from .settings import Settings
from .sigv4 import Verifier
from .store import Store
from .tokens import Minter


class World:
    """What the service and the control port share. `lock` is held while an operation runs, never while one waits."""

    def __init__(self, config, directory):
        self.lock = threading.RLock()
        self.config = copy.deepcopy(config)
        self.settings = Settings(self.config.get("settings", {}))
        self.clock = Clock()
        self.chance = Chance(self.settings.seed)
        self.store = Store(self.config)
        self.keys = Keys(directory, list(self.store.pools))
        self.outbox = Outbox(self.clock)
        self.sessions = Sessions(self.clock, self.chance)
        self.grants = Grants(self.clock, self.chance)
        self.minter = Minter(self.clock, self.chance, self.keys)
        self.journal = Journal(self.clock)
        self.faults = Faults()
        self.metadata = Metadata()
        self.verifier = Verifier(self.clock, self.store)

    def reset(self):
        """Back to the state after the start, except for the ports and the certificates."""
        with self.lock:
            self.settings.reset()
            self.clock.reset()
            self.chance.reset(self.settings.seed)
            for room in (self.store, self.keys, self.outbox, self.sessions, self.grants, self.journal, self.faults,
                         self.metadata):
                room.reset()

    def issue(self, pool, client, user, grant, fault, new_refresh_token=False):
        """An AuthenticationResult, registered so that the service's own calls know its tokens."""
        spec = {"swap": fault.get("swap"), "drop": fault.get("drop"), **(fault.get("tokens") or {})}
        result, expires = self.minter.result(pool, client, user, grant, spec)
        self.grants.note_access_token(result["AccessToken"], grant, expires)
        if new_refresh_token:
            result["RefreshToken"] = self.grants.new_refresh_token(grant)
        for name in spec["drop"] or []:
            result.pop(name, None)
        return result
