"""The canonical tables: what the rest of the house may rely on, whatever the user's files look like.

A table has a grain, a key and columns of a stated kind. Every table but a source of purchases or profiles is
optional; so is every column that is not marked as needed. Tables that describe customers, products or contacts accept
further columns, which keep the user's own names (`traits`, `outcomes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["id", "text", "number", "money", "integer", "instant", "date", "boolean"]
"""How a column is read. `money` is a number in the currency of the dataset; `instant` is local wall-clock time."""


@dataclass(frozen=True)
class Column:
    """One column of a canonical table.

    `needed`: where it is mapped, a row without it cannot be used and is set aside with that reason. A key that no
    column is mapped to is the row number, and the report says so.
    """

    name: str
    kind: Kind
    meaning: str
    needed: bool = False


@dataclass(frozen=True)
class TableContract:
    """One canonical table: what a row is, what identifies it, and what it may hold.

    `further` says whether columns beyond the listed ones are taken as they are. `is_event` tables keep repeated rows
    (orders repeat in real life); the others have one row per key, so that rows which repeat a key are merged.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    further: Literal["", "trait", "measure"] = ""
    is_event: bool = False

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns without which the table cannot be used."""
        return tuple(column.name for column in self.columns if column.needed)


_ORDER_COLUMNS = (
    Column("amount", "money", "list value of what was bought, before discount"),
    Column("discount", "money", "what was taken off the list value"),
    Column("paid", "money", "what was received"),
    Column("store_id", "id", "shop, branch or theatre"),
    Column("channel", "text", "how the order came in: website, app, shop, telephone"),
    Column("payment_method", "text", "how it was paid"),
    Column("device_id", "id", "device on which it was ordered"),
    Column("campaign_id", "id", "campaign or voucher used"),
    Column("status_id", "id", "how the attempt ended; without it every order is a sale"),
)

LINES = TableContract(
    "lines",
    "product on an order",
    ("order_id", "product_id"),
    (
        Column("order_id", "id", "order, invoice or basket"),
        Column("customer_id", "id", "who bought", needed=True),
        Column("ordered_at", "instant", "when it was bought", needed=True),
        Column("product_id", "id", "what was bought"),
        Column("quantity", "number", "how many"),
        Column("unit_price", "money", "list price of one"),
        *_ORDER_COLUMNS,
    ),
    is_event=True,
)
ORDERS = TableContract(
    "orders",
    "purchase attempt",
    ("order_id",),
    (
        Column("order_id", "id", "order, invoice, ticket or booking"),
        Column("customer_id", "id", "who bought", needed=True),
        Column("ordered_at", "instant", "when it was bought", needed=True),
        Column("product_id", "id", "what was bought, where an order is for one product"),
        Column("quantity", "number", "how many items"),
        *_ORDER_COLUMNS,
    ),
    is_event=True,
)
CUSTOMERS = TableContract(
    "customers",
    "customer",
    ("customer_id",),
    (
        Column("customer_id", "id", "the customer", needed=True),
        Column("gender", "text", "gender as recorded"),
        Column("birth_date", "date", "date of birth"),
        Column("birth_year", "integer", "year of birth"),
        Column("age", "number", "age in years"),
        Column("age_band", "text", "age as a band"),
        Column("income", "money", "yearly income"),
        Column("income_band", "text", "income as a band"),
        Column("city", "text", "city or place"),
        Column("country", "text", "country"),
        Column("joined_on", "date", "when the customer registered"),
        Column("left_on", "date", "when the contract or membership ended; empty while it runs"),
        Column("sponsor_id", "id", "who brought the customer"),
        Column("contactable", "boolean", "whether the customer may be contacted"),
    ),
    further="trait",
)
PRODUCTS = TableContract(
    "products",
    "product",
    ("product_id",),
    (
        Column("product_id", "id", "the product", needed=True),
        Column("name", "text", "its name"),
        Column("category", "text", "its category or genre"),
        Column("brand", "text", "its brand"),
        Column("cost", "money", "what one costs the company"),
        Column("released_on", "date", "when it was first sold"),
    ),
    further="trait",
)
CAMPAIGNS = TableContract(
    "campaigns",
    "campaign",
    ("campaign_id",),
    (
        Column("campaign_id", "id", "the campaign", needed=True),
        Column("name", "text", "its name"),
        Column("kind", "text", "voucher, discount, points, mailing …"),
        Column("starts_on", "date", "first day"),
        Column("ends_on", "date", "last day"),
        Column("unit_cost", "money", "what one contact costs"),
        Column("complexity", "text", "how complicated the offer is"),
    ),
    further="trait",
)
CONTACTS = TableContract(
    "contacts",
    "customer × campaign contact",
    ("customer_id", "campaign_id"),
    (
        Column("customer_id", "id", "who was contacted", needed=True),
        Column("campaign_id", "id", "with which campaign"),
        Column("sent_at", "instant", "when"),
        Column("arm", "text", "arm of an experiment"),
        Column("responded", "boolean", "whether the customer answered"),
        Column("response_value", "money", "what the answer brought"),
    ),
    further="measure",
    is_event=True,
)
RESPONSES = TableContract(
    "responses",
    "answer of a customer to a campaign",
    ("customer_id", "campaign_id"),
    (
        Column("customer_id", "id", "who answered", needed=True),
        Column("campaign_id", "id", "which campaign", needed=True),
        Column("responded_at", "instant", "when"),
        Column("response_value", "money", "what the answer brought"),
    ),
    is_event=True,
)
DEVICES = TableContract(
    "devices",
    "device",
    ("device_id",),
    (
        Column("device_id", "id", "the device", needed=True),
        Column("model", "text", "its model"),
        Column("platform", "text", "mobile, website …"),
        Column("os", "text", "operating system"),
    ),
)
STATUSES = TableContract(
    "statuses",
    "status code",
    ("status_id",),
    (
        Column("status_id", "id", "the code", needed=True),
        Column("description", "text", "what it means"),
        Column("error_group", "text", "who or what made the attempt fail; empty where it succeeded"),
        Column("is_success", "boolean", "whether the attempt became a sale"),
    ),
)
REFERRALS = TableContract(
    "referrals",
    "sponsored customer",
    ("customer_id",),
    (
        Column("customer_id", "id", "who was brought", needed=True),
        Column("sponsor_id", "id", "by whom", needed=True),
        Column("joined_on", "date", "when"),
    ),
    is_event=True,
)
CALENDAR = TableContract(
    "calendar",
    "named period",
    ("name", "starts_on"),
    (
        Column("name", "text", "what happened", needed=True),
        Column("starts_on", "date", "first day", needed=True),
        Column("ends_on", "date", "last day"),
        Column("kind", "text", "holiday, release, lockdown …"),
    ),
)
CATEGORY_SPEND = TableContract(
    "category_spend",
    "customer × category",
    ("customer_id", "category"),
    (
        Column("customer_id", "id", "who bought", needed=True),
        Column("category", "text", "category", needed=True),
        Column("amount", "money", "spent on it"),
    ),
    is_event=True,
)

CONTRACT: dict[str, TableContract] = {
    table.name: table
    for table in (
        LINES,
        ORDERS,
        CUSTOMERS,
        PRODUCTS,
        CAMPAIGNS,
        CONTACTS,
        RESPONSES,
        DEVICES,
        STATUSES,
        REFERRALS,
        CALENDAR,
        CATEGORY_SPEND,
    )
}
"""Every canonical table by name, in the order in which they are read."""
