"""Entry point: `python3 tests/mock_cognito --dir STATE_DIR` runs the server in the foreground."""

import sys
from pathlib import Path

# Run as a directory, Python puts this very folder first in the path; the package's parent is wanted instead,
# so that no module of ours can hide one of the standard library.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from mock_cognito.server import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
