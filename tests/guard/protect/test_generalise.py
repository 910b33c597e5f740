import datetime
import ipaddress

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import ColumnError, SchemaError
from cartveil.events.kinds import Kind
from cartveil.guard.protect.generalise import generalise

ADDRESS = "广东省深圳市南山区科技园路1号2栋301室"


@pytest.mark.parametrize(
    ("level", "region"),
    [("district", "广东省深圳市南山区"), ("city", "广东省深圳市"), ("province", "广东省"), ("country", "CN")],
)
def test_an_address_becomes_its_region(level: str, region: str) -> None:
    addresses = pa.array([ADDRESS, None, "nowhere at all"])
    assert generalise(addresses, kind=Kind.ADDRESS, level=level).to_pylist() == [region, None, None]


def test_an_english_address_becomes_its_city_without_street() -> None:
    city = generalise(pa.array(["10 Downing Street, London SW1A 2AA"]), kind=Kind.ADDRESS)[0].as_py()
    assert "London" in city
    assert "Downing" not in city


def test_an_ip_address_becomes_its_network() -> None:
    addresses = pa.array(["203.0.113.77", "2001:db8:1:2::3", "::ffff:203.0.113.77", "999.1.1.1", "", None])
    networks = ["203.0.113.0/24", "2001:db8:1::/48", "203.0.113.0/24", None, None, None]
    assert generalise(addresses, kind=Kind.IP_ADDRESS).to_pylist() == networks


@given(st.ip_addresses())
def test_any_ip_address_lies_in_its_network(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    network = ipaddress.ip_network(generalise(pa.array([str(address)]), kind=Kind.IP_ADDRESS)[0].as_py())
    mapped = getattr(address, "ipv4_mapped", None)
    assert (mapped or address) in network
    assert network.prefixlen in (24, 48)


def test_birth_dates_become_decades_or_years() -> None:
    born = pa.array([datetime.date(1985, 3, 2)])
    assert generalise(born, kind=Kind.BIRTH_DATE).to_pylist() == ["1980-1989"]
    assert generalise(born, kind=Kind.BIRTH_DATE, level="year").to_pylist() == ["1985"]


def test_postcodes_become_areas() -> None:
    codes = pa.array(["518000", "SW1A 1AA", "?"])
    assert generalise(codes, kind=Kind.POSTCODE).to_pylist() == ["51****", "SW** ***", None]


def test_unknown_levels_and_kinds_are_refused_with_what_is_known() -> None:
    with pytest.raises(SchemaError) as caught:
        generalise(pa.array([ADDRESS]), kind=Kind.ADDRESS, level="street")
    assert "district" in str(caught.value.hint)
    with pytest.raises(ColumnError) as refused:
        generalise(pa.array(["x"]), kind=Kind.SECRET)
    assert "address" in str(refused.value.hint)
