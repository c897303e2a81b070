"""Sphinx settings of the guide.

python -m pip install -c tests/constraints.txt -e ".[docs]" && python -m sphinx examples/guide site
"""

import contextlib
import inspect
import pydoc
import re
import warnings
from html import escape
from pathlib import Path
from typing import Any

import latex2mathml.converter
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of torch-geometric, about torch.jit
    import graphar

project = "graphar"
author = "The graphar developers"
release = graphar.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3

highlight_language = "none"

html_theme = "furo"
html_title = f"graphar {release}"
html_copy_source = False
html_show_copyright = False
html_static_path = ["static"]
html_css_files = ["guide.css"]
html_math_renderer = "mathml"

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
add_module_names = False
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]

PUBLIC = re.compile(r"ga\.([A-Za-z_][\w.]*)(\(.*\))?", flags=re.DOTALL)
MARKUP = re.compile(r"(``.*?``|:\w+:`.*?`|`.*?`_+)")
ELSEWHERE = re.compile(r"; see :func:`(graphar[\w.]+)`\.$")


class Picture(SphinxDirective):
    """Python code that saves one SVG: the code, and the picture that it makes."""

    has_content = True
    required_arguments = 1  # what the picture shows
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        code = "\n".join(self.content)
        folder = Path(self.env.app.outdir, "pictures")
        folder.mkdir(exist_ok=True)
        with contextlib.chdir(folder), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(code, self.get_location(), "exec"), {"__name__": "picture"})
        (name,) = re.findall(r'savefig\("(\w+\.svg)"', code)
        source = f"pictures/{name}"
        image = f'<p><a href="{source}"><img src="{source}" alt="{escape(self.arguments[0])}"></a></p>'
        return [nodes.literal_block(code, code, language="python"), nodes.raw("", image, format="html")]


def link_names(app: Sphinx, doctree: nodes.document) -> None:
    """Code such as ``ga.anneal`` or ``ga.heads.Linear(bias=False)`` in running text leads to its reference."""
    for literal in list(doctree.findall(nodes.literal)):
        found = PUBLIC.fullmatch(literal.astext())
        if found and not isinstance(literal.parent, pending_xref | nodes.reference):
            link = pending_xref("", refdomain="py", reftype="obj", reftarget=f"graphar.{found[1]}", refexplicit=True)
            link["refdoc"] = app.env.docname
            literal.replace_self(link)
            link += literal


def tell_in_place(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """A method that sends its reader to the function of its own name shows what that one says."""
    found = ELSEWHERE.search(lines[0]) if lines else None
    if found and found[1].rsplit(".", 1)[1] == name.rsplit(".", 1)[1]:
        lines[:] = (inspect.getdoc(pydoc.locate(found[1])) or "").splitlines() or lines


def keep_mathematics(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """|E|, (*S, N) and a description that is "N." are mathematics in docstrings, no markup."""
    verbatim = False
    for number, line in enumerate(lines):
        verbatim = bool(line.strip()) and (verbatim or line.lstrip().startswith((".. math::", ">>>")))
        if not verbatim:
            parts = MARKUP.split(line)
            parts[::2] = [re.sub(r"\||(?<=[ (])\*(?=\w+[,)])", r"\\\g<0>", part) for part in parts[::2]]
            lines[number] = re.sub(r"(^\s*|: )([A-Za-z])\.(?=\s|$)", r"\1\2\.", "".join(parts))
    if what == "property":
        lines[:0] = ["..", ""]  # an empty comment; else words before a colon in the first line are taken for a type


def set_formula(self: Any, node: nodes.Element) -> None:
    """Formulas as MathML, which browsers set themselves: no script, no network."""
    display = isinstance(node, nodes.math_block)
    formula = latex2mathml.converter.convert(node.astext(), display="block" if display else "inline")
    self.body.append(f'<div class="formula">{formula}</div>' if display else formula)
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    app.add_directive("picture", Picture)
    app.add_html_math_renderer("mathml", (set_formula, None), (set_formula, None))
    app.connect("autodoc-process-docstring", tell_in_place, priority=100)  # before Google's sections are read
    app.connect("autodoc-process-docstring", keep_mathematics, priority=101)
    app.connect("doctree-read", link_names)
