"""Made-up shops of other shapes than the demo's."""

import csv
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

Rows = list[list[object]]


def _write(path: Path, head: str, rows: Rows, *, encoding: str) -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        out = csv.writer(file)
        out.writerow(head.split())
        out.writerows(rows)


def _orders(consumers: int, days: int) -> Rows:
    """Return order, item, quantity, price, time and consumer; everybody has favourites."""
    dice, rows, number = random.Random(1), [], 10_000
    for consumer in range(consumers):
        favourites = dice.sample(range(100, 130), 5)
        for _ in range(dice.randint(4, 12)):
            number += 1
            moment = datetime(2025, 1, 6, 8) + timedelta(days=dice.randrange(days), minutes=dice.randrange(700))
            for item in sorted({*dice.choices(favourites, k=2), dice.randrange(100, 130)}):
                price = f"{item % 17}.90"
                rows.append([f"D{number}", f"G{item}", dice.randint(1, 6), price, f"{moment}", f"K{1000 + consumer}"])
    return sorted(rows, key=lambda row: str(row[4]))


@pytest.fixture
def chinese_shop(tmp_path: Path) -> Callable[[int, int], Path]:
    def write(consumers: int, days: int) -> Path:
        dice, folder = random.Random(2), tmp_path / "shop"
        folder.mkdir()
        head = "订单号 商品编码 数量 单价 下单时间 客户编号"
        _write(folder / "orders.csv", head, _orders(consumers, days), encoding="gb18030")
        people: Rows = [
            [
                f"K{1000 + number}",
                dice.choice("王李张刘陈杨赵黄周吴") + dice.choice("伟芳娜敏静强磊洋艳杰") + dice.choice("娟涛明超"),
                f"138{number:08d}",
                f"浙江省杭州市西湖区文三路{number + 1}号",
                "recommendation;marketing" if number % 4 else "marketing",
            ]
            for number in range(consumers)
        ]
        _write(folder / "customers.csv", "客户编号 姓名 手机号 地址 授权", people, encoding="gb18030")
        return folder

    return write
