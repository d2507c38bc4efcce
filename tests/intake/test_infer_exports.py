"""The guesser against exports as shops and tools in several languages write them, and against odd files."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from regulars.core.config import ReaderSettings
from regulars.intake.guessing.guesser import FileSample, Guess, guess


def made(path: str, count: int, columns: dict[str, Any]) -> FileSample:
    """A sample from one function of the row number for each column."""
    rows = [{name: make(number) for name, make in columns.items()} for number in range(count)]
    return FileSample(path, tuple(columns), rows, count)


def days(form: str, start: str = "2021-01-01", span: int = 700) -> Any:
    draw = random.Random(1)
    first = datetime.fromisoformat(start)
    return lambda _: (first + timedelta(minutes=draw.randrange(span * 1440))).strftime(form)


def one_of(*values: str) -> Any:
    draw = random.Random(2)
    return lambda _: draw.choice(values)


def numbers(low: float, high: float, form: str = "{:.2f}") -> Any:
    draw = random.Random(3)
    return lambda _: form.format(draw.uniform(low, high))


def whole(low: int, high: int) -> Any:
    draw = random.Random(4)
    return lambda _: str(draw.randint(low, high))


def table(name: str, *files: FileSample) -> Guess:
    found = guess(files).table(name)
    assert found is not None, f"no {name}"
    return found


PURCHASES = {
    "german": (
        {
            "Bestellnummer": lambda i: str(70_000 + i // 2),
            "Kundennummer": whole(5000, 5090),
            "Bestelldatum": days("%d.%m.%Y"),
            "Artikelnummer": lambda i: f"A{i % 50 + 100}",
            "Menge": whole(1, 4),
            "Einzelpreis": lambda i: f"1.{i % 900 + 100},{i % 90 + 10} €",
            "Zahlungsart": one_of("Rechnung", "PayPal"),
        },
        "order_id customer_id ordered_at product_id quantity unit_price payment_method",
    ),
    "french": (
        {
            "numero_commande": lambda i: str(1000 + i // 2),
            "id_client": whole(1, 90),
            "date_commande": days("%d/%m/%Y"),
            "reference_produit": lambda i: f"P{i % 40 + 10}",
            "quantite": whole(1, 4),
            "prix_unitaire": numbers(1, 9),
            "magasin": one_of("Paris", "Lyon"),
        },
        "order_id customer_id ordered_at product_id quantity unit_price store_id",
    ),
    "spanish": (
        {
            "id_pedido": lambda i: str(1000 + i // 2),
            "codigo_cliente": whole(1, 90),
            "fecha": days("%d/%m/%Y"),
            "producto": one_of("pan", "leche", "queso"),
            "cantidad": whole(1, 4),
            "precio_unitario": numbers(1, 9),
        },
        "order_id customer_id ordered_at product_id quantity unit_price",
    ),
    "italian": (
        {
            "id_ordine": lambda i: str(1000 + i // 2),
            "cod_cliente": whole(1, 90),
            "data_ordine": days("%d/%m/%Y"),
            "cod_articolo": lambda i: f"A{i % 40 + 10}",
            "qta": whole(1, 4),
            "prezzo_unit": numbers(1, 9),
        },
        "order_id customer_id ordered_at product_id quantity unit_price",
    ),
    "dutch": (
        {
            "Ordernummer": lambda i: str(1000 + i // 2),
            "Klantnummer": whole(1, 90),
            "Orderdatum": days("%d-%m-%Y"),
            "Artikelnummer": whole(100, 140),
            "Aantal": whole(1, 4),
            "Prijs": numbers(1, 9),
            "Betaalwijze": one_of("iDEAL", "PayPal"),
        },
        "order_id customer_id ordered_at product_id quantity unit_price payment_method",
    ),
    "portuguese": (
        {
            "numero_pedido": lambda i: str(1000 + i // 2),
            "codigo_cliente": whole(1, 90),
            "data_pedido": days("%d/%m/%Y"),
            "codigo_produto": whole(100, 140),
            "quantidade": whole(1, 4),
            "valor_unitario": numbers(1, 9),
            "loja": one_of("Centro", "Sul"),
        },
        "order_id customer_id ordered_at product_id quantity unit_price store_id",
    ),
    "shop_plug_in": (
        {
            "Order Number": lambda i: str(5000 + i // 2),
            "Email (Billing)": lambda i: f"u{i % 60}@x.example",
            "Order Date": days("%Y-%m-%d %H:%M:%S"),
            "SKU": lambda i: f"W{i % 30}",
            "Quantity": whole(1, 4),
            "Item Price": numbers(5, 20),
            "Payment Method Title": one_of("PayPal", "Card"),
            "Coupon Code": one_of("", "SUMMER"),
            "Order Status": one_of("completed", "cancelled", "refunded"),
        },
        "order_id customer_id ordered_at product_id quantity unit_price payment_method campaign_id status_id",
    ),
}


@pytest.mark.parametrize("name", PURCHASES)
def test_purchases_in_many_words(name: str) -> None:
    columns, expected = PURCHASES[name]
    lines = table("lines", made("export.csv", 400, columns))
    assert lines.mapping == dict(zip(expected.split(), columns, strict=True))
    assert lines.is_active


def test_statuses_written_as_words_become_the_status_table() -> None:
    columns, _ = PURCHASES["shop_plug_in"]
    statuses = table("statuses", made("orders.csv", 300, columns))
    assert statuses.sources == ("orders.csv",)
    assert statuses.success == ("completed",)


def test_shares_are_not_taken_for_money() -> None:
    sales = {
        "Order ID": lambda i: f"CA-{i // 3}",
        "Customer ID": whole(100, 160),
        "Order Date": days("%m/%d/%Y"),
        "Product ID": whole(100, 140),
        "Quantity": whole(1, 9),
        "Sales": numbers(5, 900),
        "Discount": one_of("0", "0.2", "0.45"),
        "State": one_of("Ohio", "Texas"),
    }
    lines = table("lines", made("superstore.csv", 300, sales))
    assert {one.canonical: one.word for one in lines.columns}["discount"] == "a guess"
    assert "status_id" not in lines.mapping


def test_sums_tell_what_was_paid() -> None:
    amounts = [(draw, off) for draw, off in zip(range(20, 320), [0, 5, 2] * 100, strict=True)]
    orders = {
        "order": lambda i: f"o{i}",
        "customer": whole(1, 60),
        "date": days("%Y-%m-%d"),
        "value": lambda i: str(amounts[i][0]),
        "rebate": lambda i: str(amounts[i][1]),
        "total": lambda i: str(amounts[i][0] - amounts[i][1]),
    }
    mapped = table("orders", made("orders.csv", 300, orders)).mapping
    assert (mapped["amount"], mapped["discount"], mapped["paid"]) == ("value", "rebate", "total")
    shuffled = {**orders, "total": numbers(5, 300)}  # now nothing says whether a total is before the discount
    chosen = table("orders", made("orders.csv", 300, shuffled))
    assert all(one.word != "sure" for one in chosen.columns if one.canonical in ("amount", "paid"))


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('[{"sku": "P1", "qty": 2, "price": 3.5}]', ("sku", "qty", "price")),
        ('{"P1": 2, "P7": 1}', ("", "", "")),
        ([{"product": "P1", "amount": 2}], ("product", "", "")),
    ],
)
def test_a_product_list_in_a_cell_gives_orders_and_lines(cell: Any, expected: tuple[str, str, str]) -> None:
    sample = made(
        "orders.jsonl",
        200,
        {
            "order_id": lambda i: f"o{i}",
            "customer_id": whole(1, 40),
            "ordered_at": lambda i: 1_617_443_200 + i * 1000,
            "total": numbers(3, 99),
            "items": lambda _: cell,
        },
    )
    lines, orders = table("lines", sample), table("orders", sample)
    assert lines.basket is not None
    assert lines.basket.column == "items"
    assert (lines.basket.product, lines.basket.quantity, lines.basket.unit_price) == expected
    assert "amount" not in lines.mapping  # the total belongs to the order
    assert orders.mapping["amount"] == "total"
    assert dict(orders.dates)["ordered_at"].coding == "seconds"


def test_baskets_need_no_customer() -> None:
    rows = [{"basket": str(i // 3), "item": f"thing {i % 7}"} for i in range(300)]
    sample = FileSample("baskets.csv", ("basket", "item"), rows, 300, ReaderSettings(format="baskets"))
    lines = table("lines", sample)
    assert lines.mapping == {"order_id": "basket", "product_id": "item"}
    assert lines.is_active
    assert lines.reader.format == "baskets"


def test_a_file_without_names_is_only_guessed() -> None:
    header = ("00004", "0001", "19970101", "2", "29.33")
    rows = [
        dict(zip(header, (f"{i // 3:05d}", f"{i:04d}", "19970118", str(i % 4), f"{i}.50"), strict=True))
        for i in range(1, 200)
    ]
    orders = table("orders", FileSample("sample.txt", header, rows))
    assert orders.reader.header is False
    assert orders.mapping["ordered_at"] == "column_3"
    assert all(one.word != "sure" for one in orders.columns)
    assert not orders.is_active


def test_months_of_one_export_are_one_table_and_copies_of_another_shape_are_not() -> None:
    columns, _ = PURCHASES["dutch"]
    files = [made(f"sales/2021-{month:02d}.csv", 50, columns) for month in range(1, 4)]
    other = made("sales/old.csv", 50, {**columns, "Kassa": whole(1, 3)})
    lines = table("lines", *files, other)
    assert len(lines.sources) == 3
    assert lines.other_sources == ("sales/old.csv",)


def test_typed_rows_and_texts_are_read_alike() -> None:
    columns = {
        "order_id": list(range(1000, 1200)),
        "customer_id": [float(number % 40) for number in range(200)],
        "date": [datetime(2024, 1, 1) + timedelta(days=number) for number in range(200)],
        "amount": [number / 4 for number in range(200)],
        "gift": [number % 2 == 0 for number in range(200)],
    }
    typed = FileSample("orders.parquet", tuple(columns), pa.table(columns), 200)
    texts = made("orders.csv", 200, {name: lambda i, cells=cells: str(cells[i]) for name, cells in columns.items()})
    assert table("orders", typed).mapping == table("orders", texts).mapping
    assert table("orders", typed).mapping["customer_id"] == "customer_id"


def test_experiments_in_other_words() -> None:
    ab_test = made(
        "ab_test.csv",
        400,
        {
            "user_id": lambda i: str(100 + i),
            "timestamp": days("%Y-%m-%d %H:%M:%S"),
            "group": one_of("control", "treatment"),
            "landing_page": one_of("old", "new"),
            "converted": one_of("0", "1"),
        },
    )
    found = guess([ab_test])
    assert [one.table for one in found.tables] == ["contacts"]
    assert found.tables[0].mapping["arm"] == "group"
    assert set(found.tables[0].further) == {"landing_page", "converted"}


def test_a_calendar_is_no_product_list_and_no_campaign() -> None:
    calendar = made(
        "holidays.csv",
        30,
        {
            "name": lambda i: f"Day {i}",
            "start_date": days("%Y-%m-%d"),
            "end_date": days("%Y-%m-%d"),
            "type": one_of("holiday", "lockdown"),
        },
    )
    assert [one.table for one in guess([calendar]).tables] == ["calendar"]


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"": lambda _: None},
        {"a": lambda _: None, "b": lambda _: ""},
        {"customer_id": lambda _: ""},
        {"x" * 5000: lambda i: "9" * 4000, "\u202e": lambda i: {"a": i}, "n": lambda _: float("nan")},
        {"customer_id": lambda i: str(i), "amount": lambda _: "1e999", "date": lambda _: "99.99.9999"},
    ],
)
def test_odd_files_are_survived(columns: dict[str, Any]) -> None:
    for count in (0, 1, 30):
        for one in guess([made("odd.csv", count, columns)]).tables:
            assert all(mapped.word != "sure" or count for mapped in one.columns)


def test_nothing_is_guessed_from_nothing() -> None:
    assert guess([]).tables == ()
    series = made("series.csv", 100, {"ds": days("%Y-%m-%d"), "y": whole(1, 900)})
    (unused,) = guess([series]).unused
    assert unused.path == "series.csv"
