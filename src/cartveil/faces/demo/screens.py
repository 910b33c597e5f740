"""What a work tool shows of a customer, said in kinds and roles, so that the same staff can work in any shop.

>>> from cartveil.events.schema import parse_schema
>>> tables = parse_schema('''
... [tables.people.columns]
... "客户" = { kind = "user_id", role = "subject" }
... "手机号" = "phone"
... [tables.sales.columns]
... when = { kind = "event_time", role = "time" }
... ''').tables
>>> Shop(*tables).shown(Screen("person", (Kind.PERSON_NAME, Kind.PHONE)))
('people', ('手机号',))
"""

from dataclasses import dataclass
from typing import Literal

from cartveil.events.kinds import Kind, Role
from cartveil.events.schema import Column, Table


@dataclass(frozen=True)
class Screen:
    """One look at one customer: at the person or at the purchases, and which fields the screen shows.

    Args:
        about: Which of the shop's two tables.
        fields: By role where the column plays one, else by kind.
    """

    about: Literal["person", "purchases"]
    fields: tuple[Kind | Role, ...]


@dataclass(frozen=True)
class Shop:
    """The two tables that a staff looks at; they may be one and the same."""

    people: Table
    purchases: Table

    def shown(self, screen: Screen) -> tuple[str, tuple[str, ...]]:
        """Return the table and the fields of a screen, in the screen's order.

        A field that the shop does not keep is not shown; a screen that would be empty shows the customer's number.
        """
        table = self.people if screen.about == "person" else self.purchases
        columns = [_column(table, wanted) for wanted in screen.fields]
        if not any(columns):
            columns = [table.by_role(Role.SUBJECT)]
        return table.name, tuple(dict.fromkeys(column.name for column in columns if column))


def _column(table: Table, wanted: Kind | Role) -> Column | None:
    if isinstance(wanted, Role):
        return table.by_role(wanted)
    return next((column for column in table.columns if column.kind is wanted), None)
