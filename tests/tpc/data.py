"""Rows for TPC-H and TPC-DS: few, the same in every run, and hanging together.

Owns: how many rows each table has, its keys, and what of one row another repeats (a return its sale, a lineitem its
part's supplier). Must not know: databases, masks, the queries.
Invariant: every foreign key is NULL or names a row; a primary key names one row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from random import Random
from typing import Final

from tests.tpc.domains import CHOICES, Value, maker

SEED: Final = 20261122
NULLS: Final = 0.03
FIRST_DAY: Final = date(1998, 1, 1)
DAYS: Final = 365 * 5 + 1
FIRST_DATE_KEY: Final = 2450815  # the Julian day that TPC-DS has for it

Row = tuple[Value, ...]
Columns = Mapping[str, str]
Tables = Mapping[str, Columns]
"""``schema.table`` → column → type."""

COUNTS: Final = {
    "tpch.region": 5,
    "tpch.nation": 25,
    "tpch.supplier": 40,
    "tpch.customer": 150,
    "tpch.part": 120,
    "tpch.partsupp": 480,
    "tpch.orders": 1200,
    "tpch.lineitem": 4800,
    "tpcds.call_center": 3,
    "tpcds.catalog_page": 12,
    "tpcds.customer": 120,
    "tpcds.customer_address": 100,
    "tpcds.customer_demographics": 144,
    "tpcds.date_dim": DAYS,
    "tpcds.household_demographics": 120,
    "tpcds.income_band": 20,
    "tpcds.item": 100,
    "tpcds.promotion": 12,
    "tpcds.reason": 30,
    "tpcds.ship_mode": 8,
    "tpcds.store": 6,
    "tpcds.time_dim": 288,
    "tpcds.warehouse": 3,
    "tpcds.web_page": 12,
    "tpcds.web_site": 4,
    "tpcds.store_sales": 5000,
    "tpcds.catalog_sales": 3000,
    "tpcds.web_sales": 2400,
    "tpcds.store_returns": 1200,
    "tpcds.catalog_returns": 900,
    "tpcds.web_returns": 700,
    "tpcds.inventory": 6000,
}
_NATIONS: Final = (
    "ALGERIA ARGENTINA BRAZIL CANADA EGYPT ETHIOPIA FRANCE GERMANY INDIA INDONESIA IRAN IRAQ JAPAN JORDAN KENYA "
    "MOROCCO MOZAMBIQUE PERU CHINA ROMANIA SAUDI_ARABIA VIETNAM RUSSIA UNITED_KINGDOM UNITED_STATES"
).split()
_REGIONS: Final = "AFRICA AMERICA ASIA EUROPE OCEANIA".split()

# By the end of a column's name: the table that it refers to.
_REFERENCES: Final = {
    r"date_sk": "tpcds.date_dim",
    r"time_sk": "tpcds.time_dim",
    r"customer_sk": "tpcds.customer",
    r"cdemo_sk": "tpcds.customer_demographics",
    r"hdemo_sk": "tpcds.household_demographics",
    r"addr_sk": "tpcds.customer_address",
    r"item_sk": "tpcds.item",
    r"store_sk": "tpcds.store",
    r"promo_sk": "tpcds.promotion",
    r"reason_sk": "tpcds.reason",
    r"call_center_sk": "tpcds.call_center",
    r"catalog_page_sk": "tpcds.catalog_page",
    r"ship_mode_sk": "tpcds.ship_mode",
    r"warehouse_sk": "tpcds.warehouse",
    r"web_page_sk": "tpcds.web_page",
    r"web_site_sk": "tpcds.web_site",
    r"income_band_sk": "tpcds.income_band",
    r"custkey": "tpch.customer",
    r"nationkey": "tpch.nation",
    r"regionkey": "tpch.region",
    r"partkey": "tpch.part",
    r"suppkey": "tpch.supplier",
}
_LINES: Final = 4  # rows of a sale that share its number
_SHARED: Final = r"(sold_date|sold_time|customer|cdemo|hdemo|addr|store)_sk$"  # what the rows of one ticket share
_RETURNS: Final = {"store": ("sr", "ss"), "catalog": ("cr", "cs"), "web": ("wr", "ws")}


_SOUGHT: Final[dict[str, Value]] = {  # by a query that joins five of these columns
    "i_category": "Women",
    "i_color": "powder",
    "i_units": "Ounce",
    "i_size": "medium",
    "i_manufact_id": 740,
    "i_manufact": "Women's",
}


class Data:
    """The rows of all tables; ``columns`` as the database has them."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._rows: dict[str, list[dict[str, Value]]] = {}

    def rows(self, table: str) -> list[Row]:
        """The rows of one table in the order of its columns."""
        return [tuple(row[c] for c in self._tables[table]) for row in self._made(table)]

    def _made(self, table: str) -> list[dict[str, Value]]:
        if table not in self._rows:
            self._rows[table] = list(self._unique(table, self._make(table, Random(f"{SEED} {table}"))))
        return self._rows[table]

    def _make(self, table: str, rng: Random) -> Iterator[dict[str, Value]]:
        makers = {name: maker(name, type_name) for name, type_name in self._tables[table].items()}
        for number in range(COUNTS[table]):
            row = {name: make(rng) for name, make in makers.items()}
            row |= {name: self._key(table, name, number, rng) for name in row if _is_key(name)}
            if table.startswith("tpcds."):
                row = {n: None if not _is_key(n) and rng.random() < NULLS else v for n, v in row.items()}
            yield row | self._special(table, number, row, rng)

    def _key(self, table: str, name: str, number: int, rng: Random) -> Value:
        if name == next(iter(self._tables[table])) and not re.search(
            "sales|returns|inventory|partsupp|lineitem", table
        ):
            return _first_key(table) + number * _step(table)
        if name.endswith("_id"):
            return f"AAAAAAAA{number // 2 if table == 'tpcds.item' else number:08}"
        if name.endswith(("ticket_number", "order_number", "orderkey")):
            return _sale(number)
        shared = table == "tpcds.store_sales" and re.search(_SHARED, name)
        return self._reference(name, Random(f"{_sale(number)} {name}") if shared else rng)

    def _reference(self, name: str, rng: Random) -> Value:
        table = next((t for end, t in _REFERENCES.items() if re.search(f"{end}$", name)), None)
        if table is None:
            return rng.randint(1, 50)
        if table.startswith("tpcds.") and rng.random() < NULLS and not re.search("item_sk|inv_", name):
            return None
        return _first_key(table) + rng.randrange(COUNTS[table]) * _step(table)

    def _special(self, table: str, number: int, row: dict[str, Value], rng: Random) -> dict[str, Value]:
        """What does not follow from a column's name alone."""
        match table.split(".")[1]:
            case "date_dim":
                return _day(number)
            case "time_dim":
                return _moment(number * 300)
            case "customer_demographics":
                return _demographics(number)
            case "income_band":
                return {"ib_lower_bound": number * 10000, "ib_upper_bound": (number + 1) * 10000}
            case "reason":
                return {"r_reason_desc": f"reason {number + 1}"}
            case "region":
                return {"r_name": _REGIONS[number]}
            case "nation":
                return {"n_name": _NATIONS[number].replace("_", " "), "n_regionkey": number % 5 + 1}
            case "partsupp":
                return {"ps_partkey": number // 4 + 1, "ps_suppkey": (number // 4 + number % 4 * 10) % 40 + 1}
            case "lineitem":
                return self._line(number, rng)
            case "orders":
                day = date(1993, 1, 1) + timedelta(days=rng.randrange(2000))
                return {"o_orderdate": day, "o_orderkey": number + 1, "o_custkey": rng.randint(1, 100)}
            case "store_returns" | "catalog_returns" | "web_returns":
                return self._return(table, number, row)
            case "catalog_sales" if number % 3 == 0:
                return self._bought_again(number, rng)
            case "inventory":
                item = number % 7 + 1 if number % 2 else row["inv_item_sk"]  # a few are counted often
                return {"inv_date_sk": FIRST_DATE_KEY + 7 * rng.randrange(DAYS // 7), "inv_item_sk": item}
            case "item" if number % 3 == 0:
                return {"i_current_price": "1.25"}
            case "item" if number % 10 == 1:
                return dict(_SOUGHT)
            case _:
                return {}

    def _line(self, number: int, rng: Random) -> dict[str, Value]:
        ordered = self._made("tpch.orders")[number // 4]
        supply = rng.choice(self._made("tpch.partsupp"))
        day = ordered["o_orderdate"]
        assert isinstance(day, date)
        shipped = day + timedelta(days=rng.randint(1, 90))
        return {
            "l_orderkey": ordered["o_orderkey"],
            "l_linenumber": number % 4 + 1,
            "l_partkey": supply["ps_partkey"],
            "l_suppkey": supply["ps_suppkey"],
            "l_shipdate": shipped,
            "l_commitdate": day + timedelta(days=rng.randint(20, 80)),
            "l_receiptdate": shipped + timedelta(days=rng.randint(1, 30)),
        }

    def _return(self, table: str, number: int, row: dict[str, Value]) -> dict[str, Value]:
        """A return names its sale's item and number, and mostly its customer."""
        channel = table.split(".")[1].removesuffix("_returns")
        returned, sold = _RETURNS[channel]
        sales = self._made(f"tpcds.{channel}_sales")
        sale = sales[number * 3 % len(sales)]
        end = "ticket_number" if channel == "store" else "order_number"
        repeated = {f"{returned}_item_sk": sale[f"{sold}_item_sk"], f"{returned}_{end}": sale[f"{sold}_{end}"]}
        if channel == "store":
            repeated["sr_customer_sk"] = sale["ss_customer_sk"]
        else:
            repeated[f"{returned}_refunded_cdemo_sk"] = row[f"{returned}_returning_cdemo_sk"]
        when = f"{returned}_returned_date_sk"
        day = sale[f"{sold}_sold_date_sk"]
        if isinstance(day, int) and number % 8:
            repeated[when] = min(day + number % 90, FIRST_DATE_KEY + DAYS - 1)
        return repeated

    def _bought_again(self, number: int, rng: Random) -> dict[str, Value]:
        """What was returned to a store is ordered from the catalog by the same customer."""
        returned = self._made("tpcds.store_returns")[number // 3 % COUNTS["tpcds.store_returns"]]
        day = returned["sr_returned_date_sk"]
        again = {"cs_bill_customer_sk": returned["sr_customer_sk"], "cs_item_sk": returned["sr_item_sk"]}
        if isinstance(day, int):
            again["cs_sold_date_sk"] = min(day + rng.randrange(60), FIRST_DATE_KEY + DAYS - 1)
        return again

    def _unique(self, table: str, rows: Iterator[dict[str, Value]]) -> Iterator[dict[str, Value]]:
        """Without rows whose key another has."""
        seen: set[Row] = set()
        for row in rows:
            key = tuple(row[name] for name in _primary_key(table, self._tables[table]))
            if key not in seen:
                seen.add(key)
                yield row


def _is_key(name: str) -> bool:
    return bool(re.search(r"(_sk|key|ticket_number|order_number)$", name)) or (
        name.endswith("_id")
        and bool(
            re.match(
                r"(c|ca|cc|cp|d|i|p|r|s|sm|t|w|wp|web)_\w*(customer|address|center|page|date"
                r"|item|promo|reason|store|mode|time|warehouse|site)_id$",
                name,
            )
        )
    )


def _primary_key(table: str, columns: Columns) -> list[str]:
    names = list(columns)
    if re.search("sales|returns", table):
        return [n for n in names if n.endswith(("item_sk", "ticket_number", "order_number"))]
    if table.endswith("inventory"):
        return names[:3]
    if table.endswith("lineitem"):
        return ["l_orderkey", "l_linenumber"]
    return names[:2] if table.endswith("partsupp") else names[:1]


def _sale(number: int) -> int:
    """The number of the sale that a row belongs to: small ones first, then larger ones."""
    return number // _LINES + 1 if number < 3000 else 750 + number // (4 * _LINES)


def _first_key(table: str) -> int:
    return {"tpcds.date_dim": FIRST_DATE_KEY, "tpcds.time_dim": 0}.get(table, 1)


def _step(table: str) -> int:
    return 300 if table == "tpcds.time_dim" else 1


def _day(number: int) -> dict[str, Value]:
    day = FIRST_DAY + timedelta(days=number)
    quarter = (day.month - 1) // 3 + 1
    return {
        "d_date": day,
        "d_month_seq": (day.year - 1900) * 12 + day.month - 1,
        "d_week_seq": (day - date(1900, 1, 1)).days // 7 + 1,
        "d_quarter_seq": (day.year - 1900) * 4 + quarter,
        "d_year": day.year,
        "d_dow": (day.weekday() + 1) % 7,
        "d_moy": day.month,
        "d_dom": day.day,
        "d_qoy": quarter,
        "d_day_name": day.strftime("%A"),
        "d_quarter_name": f"{day.year}Q{quarter}",
    }


def _moment(second: int) -> dict[str, Value]:
    return {
        "t_time": second,
        "t_hour": second // 3600,
        "t_minute": second // 60 % 60,
        "t_second": second % 60,
        "t_am_pm": "AM" if second < 43200 else "PM",
    }


def _demographics(number: int) -> dict[str, Value]:
    """Every combination of the first three."""
    genders, statuses, educations = (CHOICES[n] for n in ("gender", "marital_status", "education_status"))
    return {
        "cd_gender": genders[number % 2],
        "cd_marital_status": statuses[number // 2 % 4],
        "cd_education_status": educations[number // 8 % 6],
    }
