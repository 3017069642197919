"""PAM stacks of the rig.

Rules: a stack is written whole, to /etc/pam.d/SERVICE, and only inside the rig; types left out get a line that neither
helps nor harms.
"""

import os

from rig import require

FOLDER = "/etc/pam.d"
TYPES = ("auth", "account", "password", "session")
_replaced = {}
_made = set()


def read(service):
    """Return the stack of the service."""
    with open(os.path.join(FOLDER, service), encoding="utf-8") as file:
        return file.read()


def shipped(service):
    """Return the stack that the machine had for the service before this process replaced it."""
    return _replaced[service] if service in _replaced else read(service)


def stack(service, text):
    """Write the text as the stack of the service; return the file's path."""
    require()
    path = os.path.join(FOLDER, service)
    if service not in _made and os.path.exists(path):
        _replaced.setdefault(service, shipped(service))
    else:
        _made.add(service)
    temporary = path + ".new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text.rstrip("\n") + "\n")
    os.chmod(temporary, 0o644)
    os.rename(temporary, path)
    return path


def made():
    """Return the services that the machine did not have before this process wrote their stacks."""
    return sorted(_made)


def lines(service, *, auth=("required pam_deny.so",), account=("required pam_permit.so",), session=(), password=()):
    """Write the stack of the service from lines without their type; a single string is one line."""
    given = {"auth": auth, "account": account, "session": session, "password": password}
    text = []
    for kind in TYPES:
        rows = [given[kind]] if isinstance(given[kind], str) else list(given[kind])
        text += [f"{kind} {row}" for row in rows or ["optional pam_permit.so"]]
    return stack(service, "\n".join(text))


def module(arguments="", *, path="pam_cognito_otp.so", account=True, session=True):
    """Return the three lines of our module as lines() takes them: pam.lines("su", **pam.module("debug"))."""
    line = f"required {path} {arguments}".rstrip()
    return {
        "auth": line,
        "account": line if account else "required pam_permit.so",
        "session": line if session else "optional pam_permit.so",
    }


def login_session(arguments="", **settings):
    """Return the same for a program whose PAM session begins a login session: pam_loginuid stands before ours."""
    stack_lines = module(arguments, **settings)
    return {**stack_lines, "session": ["required pam_loginuid.so", stack_lines["session"]]}
