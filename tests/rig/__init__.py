"""The rig: real sshd, ssh, sudo, su and login, driven as people drive them, inside tests/rig/enter.sh.

Rules: nothing here may run outside enter.sh (require() sees to it); every wait has a bound; every process started is
ended by its own id; servers listen on 127.0.0.1 only.
"""

import os
import sys

MARK = "/run/otp-rig"
OUTSIDE = "needs the rig: run as root through tests/rig/enter.sh"


def inside():
    """Tell whether this process runs as root in the throw-away copy that enter.sh makes."""
    return os.geteuid() == 0 and os.path.exists(MARK)


def require():
    """Refuse to go on outside the rig: what follows would change the machine itself."""
    if not inside():
        sys.exit(OUTSIDE)
