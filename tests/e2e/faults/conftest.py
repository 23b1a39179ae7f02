"""The folder ``storm`` beside this file is what the fault suite is made of."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
