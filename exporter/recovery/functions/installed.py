"""Functions in the database as the catalog has them: whose they are, and what they take."""

from dataclasses import dataclass

from exporter.config import TableName
from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.recovery.functions.definitions import MARK, Function, Signature
from exporter.sessions.relation import named

#: The argument that says from how many minutes on a session is stuck.
THRESHOLD = "p_threshold_minutes"


@dataclass(frozen=True, slots=True)
class Found(Signature):
    """A function as the catalog has it. `inputs` are names, empty where an argument has none."""

    kind: str
    inputs: list[str]
    required: int
    """How many of the inputs have no default: the first ones."""
    is_definer: bool
    volatility: str
    settings: list[str]
    """As name=value."""
    body: str
    comment: str
    is_callable_by_role: bool
    """Whether the role that looked may call it."""
    is_public: bool

    @property
    def is_printed(self) -> bool:
        """Whether `sql function` made it, for whatever config."""
        return self.comment.startswith(MARK)

    @property
    def takes_threshold(self) -> bool:
        """Whether it can be told from how many minutes on a session is stuck."""
        return THRESHOLD in self.inputs

    @property
    def is_callable(self) -> bool:
        """Whether nothing has to be told to it but that."""
        return self.kind == "f" and set(self.inputs[: self.required]) <= {THRESHOLD}

    def is_as(self, printed: Function) -> bool:
        """Whether it is what is printed now: neither the config nor anybody has changed it.

        Where names are looked up is its owner's affair, as long as it is said.
        """
        settings = dict(each.split("=", 1) for each in self.settings)
        has_path = settings.pop("search_path", "").endswith("pg_temp")
        return (
            self.is_definer
            and self.volatility == "v"
            and has_path
            and settings == printed.settings
            and self.body.replace("\r\n", "\n").strip() == printed.body.strip()
        )


async def find_functions(reader: Reader, called: TableName) -> list[Found]:
    """All functions of this name, the very spelling first."""
    in_schema = "pg_function_is_visible(p.oid)"
    if called.schema_ is not None:
        in_schema = named("n.nspname", called.schema_, quoted=called.schema_quoted)
    statement = fill(
        "recovery/functions/installed",
        in_schema=in_schema,
        named=named("p.proname", called.name, quoted=called.name_quoted),
        exact_schema=f"(n.nspname = {literal(called.schema_ or '')})",
        exact=f"(p.proname = {literal(called.name)})",
    )
    (result,) = await reader.read(statement)
    return [Found(*row) for row in result.rows]
