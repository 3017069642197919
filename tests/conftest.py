"""Makes the packages below tests/ importable by their names: rig, mock_cognito, system."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
