"""A made-up run in the form of the real ones."""

import math
from typing import Any

import pytest

STAFF = "amina bruno chen dora elif farid gao hanna ivo jun kofi lena label-printer"


@pytest.fixture
def run() -> dict[str, Any]:
    return {
        "title": "Half a million purchases, protected, put to use, and forgotten on request",
        "generated": "Made on 2026-11-22 23:40 UTC by Cartveil 0.1.0",
        "facts": [
            {"label": "order lines", "value": 541909},
            {"label": "consumers", "value": 4372},
            {"label": "values protected", "value": 3581204},
            {"label": "seconds in all", "value": 96.4},
            {"label": "peak memory", "value": "1,204 MiB"},
        ],
        "before_after": before_after(),
        "quality": {
            "orders": {
                "rows_in": 541909,
                "rows_kept": 392732,
                "counts": {
                    "missing customer": 135080,
                    "cancellation": 8905,
                    "duplicate": 5225,
                    "impossible price": 40,
                },
            },
            "customers": {"rows_in": 4372, "rows_kept": 4372, "counts": {}},
        },
        "scan": scan(),
        "views": views(),
        "export": {
            "purpose": "recommendation",
            "recipient": "data science",
            "period": "2011-12",
            "consumers": 3921,
            "events": 353448,
            "left out for want of consent": 451,
        },
        "recommend": recommend(),
        "forecast": forecast(),
        "watch": watch(),
        "erase": {
            "consumer": "c_9f31c2aa70b1",
            "erased at": "2011-12-12T09:00:00Z",
            "rows": 182,
            "keys destroyed": 1,
            "tokens removed": 7,
            "events removed from sequences": 174,
            "models marked `needs retraining`": "recommender, forecaster",
            "root of the log": "5b1f09c2d4e86ab7730152cfa9ee41d2c0de91a7f3b6285504cc9e6f12d07b3a",
            "signature": "MEUCIQDk2m8q0gkQ4Zy0ZrJm4dYw1VnC7f4YtBf7o1rW1e2n3AIgKx6b0cJ8l2hJQm1d9o5v7yqk0s3tq8x",
        },
        "audit": {
            "size": 7651,
            "root": "5b1f09c2d4e86ab7730152cfa9ee41d2c0de91a7f3b6285504cc9e6f12d07b3a",
            "checkpoint": "cartveil/default\n7651\nWx8JwtToarc3MBUs+p7kHSwN6Rp/O2KFUEzJ5vEtB7o=\n\n— default aZ31Q0s8",
            "verified": [
                "the checkpoint's signature is the tenant's",
                "the erasure, entry 7,650, is in the tree of 7,651 entries",
                "today's log only adds to the checkpoint before the erasure",
                "the receipt with one byte changed was rejected",
            ],
        },
        "steps": steps(),
    }


def before_after() -> list[dict[str, object]]:
    sealed = "sealed · v1.k7.{} …"
    rows = [
        ("name", "欧阳雨桐", "9hYw0bq3SxF2", "司徒晓雪"),
        ("mobile", "+86 139 5120 4471", "c0Jm8uQe1LzP", None),
        ("email", "wenjing204@mail.cn.example", "Vq2f7Hn0aZ8k", None),
        ("address", "浙江省杭州市西湖区学院路128号6栋2单元1103室", "pT5x9RdU3oWc", "浙江省杭州市"),
        ("birth_date", "1987-03-14", "Lk1m6BvE8yNs", "1980–1989"),
        ("id_number", "330106198703142289", "Yd4c2GzK7tQh", None),
        ("card", "6250 9410 0042 7713", "Oe8s5JfA6uXr", None),
        (
            "delivery_note",
            "收件人欧阳雨桐，电话+86 139 5120 4471，放菜鸟驿站",
            "Fb3w1TiM9gDp",
            "收件人[姓名]，电话[电话]，放菜鸟驿站",
        ),
    ]
    return [
        {"column": column, "before": before, "after_rest": sealed.format(rest), "after_release": release}
        for column, before, rest, release in rows
    ]


def scan() -> list[dict[str, object]]:
    rows = [
        (
            "customers",
            "customer_id",
            "user_id",
            0.97,
            "unique in every row, joins orders.CustomerID",
            "seal",
            "pseudonym",
        ),
        (
            "customers",
            "name",
            "person_name",
            0.98,
            "98% have the form of a name in one of two languages",
            "seal",
            "pseudonym",
        ),
        ("customers", "mobile", "phone", 1.0, "100% have the form of a mobile number", "seal, index", "drop"),
        (
            "customers",
            "address",
            "address",
            0.96,
            "96% name a known district or post town",
            "seal",
            "generalise to city",
        ),
        ("customers", "card", "payment_card", 1.0, "100% pass Luhn with a known issuer", "seal, index", "drop"),
        (
            "orders",
            "InvoiceNo",
            "order_id",
            0.9,
            "named like an order, 25,900 values in 541,909 rows",
            "token",
            "pseudonym",
        ),
        ("orders", "InvoiceDate", "event_time", 1.0, "timestamps of one year", "keep", "bucket, 1h"),
        ("orders", "UnitPrice", "amount", 0.88, "named like a price, 0 to 38,970", "keep", "jitter, ±5%"),
    ]
    keys = ("table", "column", "kind", "confidence", "reason", "protect", "release")
    return [dict(zip(keys, row, strict=True)) for row in rows]


def views() -> dict[str, Any]:
    roles = {
        ("support", "support, case open"): [
            ("欧阳雨桐", "clear"),
            ("+86 139****4471", "masked"),
            ("浙江省杭州市西湖区", "generalised"),
            (None, "none"),
            (" **** **** **** 7713", "masked"),
            ("WHITE HANGING HEART T-LIGHT HOLDER × 6", "clear"),
        ],
        ("marketing analyst", "marketing"): [
            (None, "none"),
            (None, "none"),
            ("浙江省杭州市", "generalised"),
            ("1980–1989", "generalised"),
            (None, "none"),
            ("WHITE HANGING HEART T-LIGHT HOLDER × 6", "clear"),
        ],
        ("the consumer", "self-service"): [
            ("欧阳雨桐", "clear"),
            ("+86 139 5120 4471", "clear"),
            ("浙江省杭州市西湖区学院路128号6栋2单元1103室", "clear"),
            ("1987-03-14", "clear"),
            ("6250 9410 0042 7713", "clear"),
            ("WHITE HANGING HEART T-LIGHT HOLDER × 6", "clear"),
        ],
    }
    return {
        "fields": ["name", "mobile", "address", "birth_date", "card", "last order"],
        "roles": [
            {"role": role, "purpose": purpose, "values": [{"value": value, "view": view} for value, view in values]}
            for (role, purpose), values in roles.items()
        ],
        "refusal": {
            "request": "marketing asks to reveal customers.mobile for the purpose marketing",
            "reason": "rule `analysis-never-sees-the-person` forbids it",
            "hint": "ask as role `support`, for the purpose `support`, with an open case",
        },
    }


def recommend() -> dict[str, Any]:
    items = [
        ("REGENCY CAKESTAND 3 TIER", "bought in 4 of the last 6 baskets"),
        ("JUMBO BAG RED RETROSPOT", "often bought with SET OF 3 CAKE TINS PANTRY DESIGN"),
        ("PAPER CHAIN KIT 50'S CHRISTMAS", "new here; in season since the last week of October"),
    ]
    history = ["SET OF 3 CAKE TINS PANTRY DESIGN", "RED RETROSPOT CHARLOTTE BAG", "ALARM CLOCK BAKELIKE GREEN"]
    return {
        "headline": "The model beats every baseline, on bought and on new items",
        "metrics": {
            "Cartveil (LSTM + copy)": {"all": 0.3062, "new": 0.0893},
            "personal popularity": {"all": 0.2935, "new": 0.0},
            "item-kNN": {"all": 0.1641, "new": 0.0703},
            "popularity": {"all": 0.0812, "new": 0.0385},
        },
        "examples": [
            {
                "pseudonym": f"c_{name}",
                "history": history,
                "items": [{"description": text, "reason": reason} for text, reason in items],
            }
            for name in ("41f0be77a2", "b2097cce31", "e5d8103f94")
        ],
        "epochs": [
            {"epoch": place + 1, "loss": 5.1 + 2.6 * math.exp(-place), "score": 0.31 - 0.09 * math.exp(-place)}
            for place in range(5)
        ],
    }


def forecast() -> dict[str, Any]:
    series = []
    for item, description, level in (
        ("85123A", "WHITE HANGING HEART T-LIGHT HOLDER", 620.0),
        ("22423", "REGENCY CAKESTAND 3 TIER", 240.0),
    ):
        weeks = [f"2011-{3 + place // 4:02d}-{1 + place % 4 * 7:02d}" for place in range(36)]
        values = [
            max(0.0, level * (1 + 0.35 * math.sin(place * 1.7) + 0.2 * math.sin(place * 0.5))) for place in range(36)
        ]
        coming = [
            {
                "week": f"2011-12-{5 + 7 * place:02d}",
                "q10": level * (0.62 - 0.05 * place),
                "q25": level * (0.8 - 0.03 * place),
                "q50": level * (1.0 + 0.02 * place),
                "q75": level * (1.25 + 0.06 * place),
                "q90": level * (1.55 + 0.1 * place),
            }
            for place in range(4)
        ]
        if item == "22423":  # weeks that have come since: what was sold is known
            weeks += [str(row["week"]) for row in coming]
            values += [level * factor for factor in (1.2, 0.9, 1.6, 0.7)]
        history = [{"week": week, "value": round(value)} for week, value in zip(weeks, values, strict=True)]
        series.append({"item": item, "description": description, "history": history, "forecast": coming})
    return {
        "metrics": {"Cartveil (LSTM)": 0.512, "last 8 weeks": 0.546, "seasonal naive": 0.731},
        "coverage": {0.1: 0.11, 0.25: 0.27, 0.5: 0.52, 0.75: 0.74, 0.9: 0.88},
        "series": series,
        "reorder": [
            {
                "item": one["item"],
                "description": one["description"],
                "quantity": 1840 - 900 * place,
                "service_level": 0.95,
                "lead_time_weeks": 2,
            }
            for place, one in enumerate(series)
        ],
    }


def watch() -> dict[str, Any]:
    days = [f"2012-01-{day:02d}" for day in range(2, 28) if (day - 2) % 7 < 5]
    timeline = []
    for row, actor in enumerate(STAFF.split()):
        for place, day in enumerate(days):
            score = 0.8 + 0.7 * abs(math.sin(row * 7.1 + place * 3.3))
            snooping = actor == "dora" and place >= len(days) - 7
            score += 2.4 if snooping else 0.0
            timeline.append({"day": day, "actor": actor, "score": score, "alert": snooping or (row, place) == (5, 8)})
    return {
        "found": "The snoop was found: dora, on 7 of 7 days",
        "timeline": timeline,
        "staff": [
            {
                "actor": "dora",
                "day": days[-7 + place],
                "score": 3.4 - 0.1 * place,
                "reasons": [
                    "the same consumer four times in a day",
                    "no case, where this employee nearly always has one",
                ],
                "is_true_snoop": True,
            }
            for place in range(3)
        ]
        + [
            {
                "actor": "farid",
                "day": days[8],
                "score": 1.9,
                "reasons": "twice as many reads as on other days",
                "is_true_snoop": False,
            }
        ],
        "orders": [
            {
                "pseudonym": "c_7be1904d52",
                "time": "2011-12-09 09:15",
                "score": 9.7,
                "reasons": ["80,995 pieces where 12 are usual", "a product never bought before"],
            }
        ],
    }


def steps() -> list[dict[str, object]]:
    rows = [
        ("scan", 1.9, 310, "18 columns in 2 tables"),
        ("clean", 2.4, 420, "397,104 rows kept, 149,177 set aside"),
        ("protect and put", 14.8, 690, "3.6 million values, 242,000 a second"),
        ("read", 0.3, 690, "three views and a refusal"),
        ("export", 3.1, 810, "353,448 events of 3,921 consumers"),
        ("learn", 38.2, 1204, "5 epochs on 2 cores"),
        ("forecast", 16.7, 1204, "600 products, 4 weeks ahead"),
        ("watch", 17.5, 1204, "7,650 reads, 13 actors"),
        ("erase", 0.2, 1204, "one consumer, receipt verified"),
    ]
    return [dict(zip(("name", "seconds", "peak_mib", "what"), row, strict=True)) for row in rows]
