"""Builds the documentation: `sphinx-build -W docs docs/_build`, offline, from Markdown and docstrings."""

project = "unreason"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "unreason"
exclude_patterns = ["_build"]
autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_mock_imports: list[str] = []
# task cards link to folders and files of the repository, which are no pages here
suppress_warnings = ["myst.xref_missing", "myst.header"]
