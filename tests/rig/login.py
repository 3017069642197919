"""The real login at a console: root's program on a terminal of its own.

Rules: PAM service login; the environment is TERM alone, as a getty leaves it.
"""

from rig.pty import Terminal


def terminal(user=None, *, env=None, **settings):
    """Start login on a terminal; without a name it asks for one. Return the Terminal."""
    line = ["login"] + (["--", user] if user else [])
    return Terminal(line, env={"TERM": "dumb"} if env is None else env, **settings)
