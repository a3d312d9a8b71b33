"""Templates whose marks are << >> and <% %>: {{ }} in them is for Prometheus and Alertmanager."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined


def render(name: str, values: Mapping[str, object]) -> str:
    """Fill the template of that name, a path below `templates`; raises UndefinedError."""
    return _environment().get_template(name).render(values)


@cache
def _environment() -> Environment:
    folder = files("exporter.content").joinpath("templates")
    return Environment(
        loader=FunctionLoader(lambda name: folder.joinpath(name).read_text(encoding="utf-8")),
        autoescape=False,  # noqa: S701 - YAML, which no browser reads
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
