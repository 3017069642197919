"""The real su, as a person at a terminal.

Rules: the caller is a real user id; his whole environment reaches su, as it does in life.
"""

from rig.pty import Terminal


def terminal(caller, target="root", command=None, *, login=False, env=None, **settings):
    """Start su on a terminal of the Account; the PAM service is su, or su-l with login. Return the Terminal."""
    line = ["su"] + (["-"] if login else [])
    if command is not None:
        line += ["-c", command]
    return Terminal([*line, target], user=caller, env=env, **settings)
