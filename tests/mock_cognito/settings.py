"""Switches of the server as a whole."""

import copy

STRICT = {"content_type": True, "path": True, "authorization": False, "unknown_members": False, "expect": False}


class Settings:
    """`model_status`: error statuses as the newest API model annotates them; `seed`: the same codes and ids again;
    `strict`: what the server minds beyond what the service minds; `idle_timeout`: life of an unused connection."""

    DEFAULTS = {"model_status": False, "seed": None, "strict": {}, "idle_timeout": 120.0}

    def __init__(self, initial):
        self.initial = initial
        self.reset()

    def reset(self):
        for name, value in self.DEFAULTS.items():
            setattr(self, name, copy.copy(value))
        self.strict = dict(STRICT)
        self.set(**self.initial)

    def set(self, **changes):
        for name, value in changes.items():
            if name not in self.DEFAULTS:
                raise ValueError(f"no such setting: {name}")
            if name == "strict":
                unknown = sorted(set(value) - set(STRICT))
                if unknown:
                    raise ValueError(f"no such strict switch: {', '.join(unknown)}")
                self.strict |= value
            else:
                setattr(self, name, value)
