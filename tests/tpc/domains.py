"""What the columns of TPC-H and TPC-DS may hold: small sets of values, among them those that the queries ask for.

Owns: a way to make up a value for each column, by its name. Must not know: keys, rows, how tables hang together.
Invariant: values fit the columns' types, and one name has one way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Final

Value = str | int | date | None
Maker = Callable[[Random], Value]

WORDS: Final = "special requests green forest Customer Complaints packages pending deposits ironic quick bold".split()


def _words(text: str, separator: str = ",") -> list[str]:
    return [word.strip() for word in text.split(separator)]


_CITIES = _words("Midway,Fairview,Edgewood,Oakland,Salem")
_COUNTIES = _words(
    "Williamson County,Ziebach County,Rush County,Toole County,Orange County,Bronx County,Luce County,Daviess County"
)
_STATES = _words("TN,TN,TN,TN,GA,KY,TX,OH,IN,VA,CA,IL,NM,MS,WA")
_STREETS = _words("Oak,Main,Elm Hill,Lake View,First Ridge")
_COLORS = "peach floral forest powder khaki slate spring indian medium cyan orange papaya".split()
_NAMES = "Ada Ben Chidi Dora Elif Fatma Grace Hugo Ines Jana Kofi Liu".split()
_SURNAMES = "Adams Baker O'Neil Clark Dupont Evans García Hill Ivanov Jones".split()

CHOICES: Final[dict[str, list[str]]] = {
    "brand": _words("amalgimporto #1,edu packscholar #1,exportiimporto #1,importoamalg #1,scholaramalgamalg #14"),
    "buy_potential": _words(">10000,Unknown,0-500,501-1000,5001-10000,1001-5000"),
    "carrier": _words("DHL,BARIAN,UPS,FEDEX"),
    "category": _words("Books,Home,Sports,Women,Men,Children,Electronics,Jewelry,Music"),
    "city": _CITIES,
    "class": _words("accessories,classical,maternity,pants,personal,portable,reference,self-help,dresses,computers"),
    "color": _COLORS,
    "company_name": ["pri", "able", "ese"],
    "county": _COUNTIES,
    "country": ["United States"],
    "credit_rating": _words("Low Risk,Good,High Risk,Unknown"),
    "education_status": _words("College,2 yr Degree,4 yr Degree,Advanced Degree,Unknown,Primary"),
    "gender": ["M", "F"],
    "marital_status": ["M", "S", "D", "W"],
    "meal_time": ["breakfast", "dinner", "lunch"],
    "salutation": ["Mr.", "Mrs.", "Dr.", "Miss"],
    "size": _words("medium,petite,small,large,extra large,N/A"),
    "state": _STATES,
    "store_name": ["ese", "able", "bar", "ought"],
    "street_name": _STREETS,
    "street_type": ["Street", "Ave", "Lane"],
    "type": ["EXPRESS", "LIBRARY", "OVERNIGHT", "REGULAR"],
    "units": _words("Ounce,Oz,Bunch,Ton,Each,Dozen,Pound,Box,Gross,Cup"),
    "zip": _words("10144,24128,35576,60069,31904,38935,85669,10336"),
    "birth_country": ["CHILE", "GHANA", "NORWAY", "UNITED STATES"],
    "r_name": ["EUROPE"],
    "mktsegment": _words("BUILDING,AUTOMOBILE,FURNITURE,MACHINERY"),
    "linestatus": ["O", "F"],
    "orderstatus": ["F", "O", "P"],
    "returnflag": ["R", "A", "N"],
    "orderpriority": _words("1-URGENT,2-HIGH,3-MEDIUM,5-LOW"),
    "shipinstruct": ["DELIVER IN PERSON", "NONE", "COLLECT COD"],
    "shipmode": ["MAIL", "SHIP", "AIR", "AIR REG", "TRUCK"],
    "p_brand": _words("Brand#12,Brand#23,Brand#34,Brand#45"),
    "p_container": _words("MED BOX,SM CASE,SM BOX,LG CASE,LG BOX,MED BAG"),
    "p_type": _words("ECONOMY ANODIZED STEEL,PROMO BRUSHED BRASS,MEDIUM POLISHED TIN,LARGE PLATED BRASS"),
    "p_name": _words("green forest,forest lace,lime green,blush rose,forest drab"),
}

NUMBERS: Final[dict[str, list[int]]] = {
    "manager_id": [1, 8, 28, 40],
    "manufact_id": [677, 694, 808, 940, 129, 270, 423, 821, 128, 977, 350, 740],
    "market_id": [8, 2],
    "mkt_id": [1, 2, 3],
    "gmt_offset": [-5, -5, -5, -7, -6],
    "brand_id": [1001001, 2002002, 3003003],
    "class_id": [1, 2, 3],
    "category_id": [1, 2, 3, 4],
    "char_count": [5000, 5100, 5150, 2000],
    "dep_count": list(range(8)),
    "vehicle_count": [-1, 0, 1, 2, 3, 4],
    "p_size": [15, 1, 3, 5, 9, 14, 19, 23, 36, 45, 49],
}

# By the end of the name: whole numbers between two bounds.
_RANGES: Final = [
    (r"birth_day", 1, 28),
    (r"birth_month", 1, 12),
    (r"birth_year", 1924, 1992),
    (r"purchase_estimate", 500, 10000),
    (r"number_employees|employees", 200, 300),
    (r"(sq_ft|floor_space)", 5000, 9000000),
    (r"(quantity|l_quantity)", 1, 100),
    (r"quantity_on_hand", 0, 1000),
    (r"availqty", 1, 9999),
    (r"(count|number|_id|division|company|response_target|shippriority|p_cost)", 1, 50),
]

# Hundredths between two bounds.
_MONEY: Final = [
    (r"ext_\w+_(cost|price|tax|amt)|discount_amt", 1000, 2000000),
    (r"wholesale_cost", 100, 10000),
    (r"current_price", 90, 6800),
    (r"list_price|sales_price", 100, 20000),
    (r"coupon_amt", 0, 800000),
    (r"return_am(oun)?t", 100, 1500000),
    (r"net_profit", -500000, 2000000),
    (r"net_\w+", 100, 2000000),
    (r"l_discount|l_tax", 0, 10),
    (r"tax_percentage", 0, 12),
    (r"acctbal", -99999, 999999),
    (r"totalprice|extendedprice", 100000, 40000000),
    (r"\w+", 100, 50000),
]


def maker(name: str, type_name: str) -> Maker:
    """How a value of a column is made up; ``type_name`` as ``format_type`` prints it."""
    bare = name.split("_", 1)[1]
    for key in (name, bare):
        if key in CHOICES:
            return lambda rng: rng.choice(CHOICES[key])
        if key in NUMBERS:
            return lambda rng: rng.choice(NUMBERS[key])
    if type_name == "date":
        return lambda rng: date(1998, 1, 1) + timedelta(days=rng.randrange(1800))
    if type_name == "integer":
        low, high = _bounds(_RANGES, name) or (1, 100)
        return lambda rng: rng.randint(low, high)
    if type_name.startswith("numeric"):
        low, high = _bounds(_MONEY, name) or (0, 100)
        return lambda rng: _hundredths(rng.randint(low, high))
    return _text(name, type_name)


def _bounds(rules: list[tuple[str, int, int]], name: str) -> tuple[int, int] | None:
    return next(((low, high) for end, low, high in rules if re.search(f"({end})$", name)), None)


def _hundredths(value: int) -> str:
    return f"{value / 100:.2f}"


def _text(name: str, type_name: str) -> Maker:
    width = int(re.sub(r"\D", "", type_name) or 60)
    if width == 1:
        return lambda rng: rng.choice("YYN")
    if name.endswith("first_name"):
        return lambda rng: rng.choice(_NAMES)
    if name.endswith(("last_name", "manager")):
        return lambda rng: rng.choice(_SURNAMES)
    if name.endswith("phone"):
        return lambda rng: (
            f"{rng.choice([13, 17, 18, 23, 29, 30, 31])}-{rng.randint(100, 999)}-{rng.randint(1000, 9999)}"
        )
    if name.endswith(("number", "login", "clerk")):
        return lambda rng: f"{rng.randint(1, 999):03}"
    if width == 200:
        return lambda rng: " ".join(rng.choice(WORDS) for _ in range(6))
    return lambda rng: f"{rng.choice(WORDS)} {rng.randint(1, 30)}"[:width]
