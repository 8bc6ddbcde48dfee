# Sphinx reads this file; `make docs` builds with warnings as errors.

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # the project this file is part of, not one installed elsewhere

from sbc import __version__

project = "sbc"
author = "the sbc authors"
project_copyright = "2026, the sbc authors"
version = release = __version__
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "A session border controller", "page_width": "1000px"}
html_copy_source = False
nitpicky = True
