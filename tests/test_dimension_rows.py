"""From listings to rows of dimensions: what each kind becomes, what makes a version, and one row per GUID."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import schema_checker
from configuration_json import (
    EXAMPLES,
    entity,
    example,
    menu,
    menu_group,
    menu_item,
    menus,
    modifier_group,
    restaurant,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toast_json import RESTAURANT, to_json

from shared.dimension_rows import LISTINGS, Listing
from shared.dimension_tables import (
    DIMENSIONS,
    DiscountEntity,
    Entity,
    MenuItemEntity,
    NamedEntity,
    RestaurantEntity,
    RevenueCenterEntity,
    ServiceAreaEntity,
    TaxRateEntity,
)
from shared.entity_rows import row_hash
from shared.spool import encode_rows
from shared.tables import columns_of
from shared.toast_client import UnreadableBody

each_list = pytest.mark.parametrize("kind", EXAMPLES)


def read(kind: str, body: Any, **options: Any) -> Listing:
    return LISTINGS[kind].decode(to_json(body), restaurant_guid=RESTAURANT, **options)


def rows(kind: str, *objects: Any, **options: Any) -> list[Any]:
    """The rows of a listing of one kind of object, none of which is rejected."""
    listing = read(kind, objects, **options)
    assert listing.undecodable == []
    (records,) = listing.records.values()
    return records


def read_menus(*listed: Any, **rest: Any) -> Listing:
    return read("menus", menus(*listed, **rest))


def menu_items(*listed: Any, **rest: Any) -> dict[str, MenuItemEntity]:
    return {row.guid: row for row in read_menus(*listed, **rest).records["menu_items"]}


def as_written(row: Entity) -> dict[str, Any]:
    """The row as the NDJSON line that BigQuery loads."""
    return msgspec.json.decode(encode_rows([row]))


def assert_loadable(listing: Listing) -> None:
    """Every row is of its record's class, fits its columns, and stands once."""
    for record, found in listing.records.items():
        columns = columns_of(DIMENSIONS[record].row)
        assert [type(row) for row in found] == [DIMENSIONS[record].row] * len(found)
        for row in found:
            assert schema_checker.problems(as_written(row), columns) == []
            assert row.row_hash == row_hash(row)
        assert max(Counter(row.guid for row in found).values(), default=1) == 1


# --- every listing -----------------------------------------------------------------------------------


def test_every_dimension_is_read_from_one_listing() -> None:
    records = [record for kind in LISTINGS.values() for record in kind.records]
    assert sorted(records) == sorted(DIMENSIONS)


def test_a_listing_is_known_by_toasts_name_and_says_where_it_is_read() -> None:
    assert {name: kind.name for name, kind in LISTINGS.items()} == {name: name for name in LISTINGS}
    paths = {name: kind.endpoint.path for name, kind in LISTINGS.items()}
    assert len(set(paths.values())) == len(paths)
    assert {name: path for name, path in paths.items() if not path.startswith("/config/v2/")} == {
        "restaurants": "/restaurants/v1/restaurants/{guid}",
        "employees": "/labor/v1/employees",
        "jobs": "/labor/v1/jobs",
        "menus": "/menus/v2/menus",
    }
    assert all(path == f"/config/v2/{name}" for name, path in paths.items() if path.startswith("/config/v2/"))


@each_list
def test_an_object_becomes_the_row_of_its_attributes(kind: str) -> None:
    content, attributes = EXAMPLES[kind]
    (row,) = rows(kind, entity("Any", guid="g", **content))
    assert as_written(row) == {"guid": "g", "row_hash": row.row_hash, **attributes}
    assert_loadable(read(kind, [entity("Any", **content)]))


@each_list
def test_the_example_fills_every_attribute(kind: str) -> None:
    (record,) = LISTINGS[kind].records
    names = {column.name for column in DIMENSIONS[record].attributes}
    asked_for = {"email", "phone_number"} if kind == "employees" else set()
    assert set(EXAMPLES[kind][1]) == names - asked_for


@each_list
@pytest.mark.parametrize("empty", [None, ...], ids=["null", "left out"])
def test_of_an_entity_toast_need_tell_only_the_guid(kind: str, empty: Any) -> None:
    (row,) = rows(kind, entity("Any", guid="g", **dict.fromkeys(EXAMPLES[kind][0], empty)))
    assert as_written(row) == {"guid": "g", "row_hash": row.row_hash}


@each_list
def test_each_attribute_makes_a_version(kind: str) -> None:
    content, attributes = EXAMPLES[kind]
    whole = entity("Any", guid="g", **content)
    (row,) = rows(kind, whole)
    changed = [rows(kind, whole | {name: None})[0] for name in content]
    told = [version for version in changed if version.row_hash != row.row_hash]
    assert len(told) == len({version.row_hash for version in told}) == len(attributes)


@each_list
def test_a_listing_keeps_toasts_order_and_is_as_long_as_what_it_holds(kind: str) -> None:
    listing = read(kind, [example(kind, guid="b"), example(kind, guid="a"), {"guid": 5}])
    (records,) = listing.records.values()
    assert [row.guid for row in records] == ["b", "a"]
    assert len(listing) == 3
    assert len(read(kind, [])) == 0


@each_list
def test_a_guid_that_stands_twice_is_one_entity_as_it_was_said_first(kind: str) -> None:
    (row,) = rows(kind, example(kind, guid="g"), entity("Any", guid="g"))
    (alone,) = rows(kind, example(kind, guid="g"))
    assert row == alone


@pytest.mark.parametrize("kind", LISTINGS)
def test_a_reply_that_was_cut_short_is_unreadable(kind: str) -> None:
    for body in (b"", b'[{"guid": "a"}', b'{"guid": "a"'):
        with pytest.raises(UnreadableBody):
            LISTINGS[kind].decode(body, restaurant_guid=RESTAURANT)


def test_pages_of_a_listing_join_to_one() -> None:
    kind = LISTINGS["tables"]
    pages = [
        read("tables", [example("tables", guid="a", name="1"), 5]),
        read("tables", [example("tables", guid="a", name="2"), example("tables", guid="b", name="3")]),
        read("tables", []),
    ]
    whole = kind.join(pages)
    assert [(row.guid, row.name) for row in whole.records["tables"]] == [("a", "1"), ("b", "3")]
    assert len(whole.undecodable) == 1
    assert kind.join([]).records == {"tables": []}


# --- values that columns cannot hold -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "field", "literal", "reason"),
    [
        ("discounts", "amount", "1E+29", "amount 1E+29 is more than a NUMERIC column holds"),
        ("taxRates", "rate", '"NaN"', "tax_rate NaN is more than a NUMERIC column holds"),
        ("breakTypes", "duration", "30.5", "duration 30.5 is not a whole number"),
        ("breakTypes", "duration", "1E+1000000", "duration 1E+1000000 is not a whole number"),
        ("breakTypes", "breakIntervalHrs", '"Infinity"', "breakIntervalHrs Infinity is not a whole number"),
        ("breakTypes", "breakIntervalMins", "1E-999999", "breakIntervalMins 1E-999999 is not a whole number"),
        (
            "breakTypes",
            "duration",
            "9300000000000000000",
            "duration_minutes 9300000000000000000 is more than a whole-number column holds",
        ),
    ],
)
def test_a_value_that_no_column_holds_rejects_its_entity_alone(
    kind: str, field: str, literal: str, reason: str
) -> None:
    body = to_json([example(kind, guid="bad", **{field: "LITERAL"}), example(kind, guid="good")])
    listing = LISTINGS[kind].decode(body.replace(b'"LITERAL"', literal.encode()), restaurant_guid=RESTAURANT)
    (records,) = listing.records.values()
    assert [row.guid for row in records] == ["good"]
    assert [(one.guid, one.reason) for one in listing.undecodable] == [("bad", reason)]
    assert json.loads(listing.undecodable[0].payload)["guid"] == "bad"


def test_more_than_nine_decimals_are_rounded_before_they_are_hashed() -> None:
    def rate(literal: bytes) -> TaxRateEntity:
        body = to_json([example("taxRates", guid="g", rate="LITERAL")]).replace(b'"LITERAL"', literal)
        (row,) = LISTINGS["taxRates"].decode(body, restaurant_guid=RESTAURANT).records["tax_rates"]
        return row

    assert rate(b"0.08812500049").tax_rate == Decimal("0.088125000")
    assert rate(b"0.08812500049") == rate(b"0.088125000")
    assert rate(b"0.0881250005").tax_rate == Decimal("0.088125001")


@pytest.mark.parametrize("written", ["30", "30.0", "3E+1", '"30"'])
def test_a_whole_number_counts_by_its_value(written: str) -> None:
    body = to_json([example("breakTypes", duration="LITERAL")]).replace(b'"LITERAL"', written.encode())
    (row,) = LISTINGS["breakTypes"].decode(body, restaurant_guid=RESTAURANT).records["break_types"]
    assert row.duration_minutes == 30


# --- restaurants, people, tips -----------------------------------------------------------------------


def test_a_restaurant_goes_by_the_guid_that_it_was_asked_for_by() -> None:
    listing = read("restaurants", restaurant())
    (row,) = listing.records["restaurants"]
    assert row == RestaurantEntity(
        RESTAURANT,
        row.row_hash,
        "Café Ñandú",
        "Loop",
        "CHI",
        "America/Chicago",
        3,
        "group",
        "USD",
        dt.date(2021, 7, 4),
        False,
    )
    assert_loadable(listing)


@pytest.mark.parametrize("nothing", [None, 0, ...])
def test_a_restaurant_may_have_no_first_business_date(nothing: Any) -> None:
    (row,) = read("restaurants", restaurant(firstBusinessDate=nothing)).records["restaurants"]
    assert row.first_business_date is None


@pytest.mark.parametrize("date", [20210231, 7, -1, 10**30])
def test_a_first_business_date_that_is_none_rejects_the_restaurant(date: int) -> None:
    listing = read("restaurants", restaurant(firstBusinessDate=date))
    assert listing.records == {"restaurants": []}
    assert listing.undecodable[0].reason == f"firstBusinessDate {date} is not a date"


def test_employees_are_loaded_without_ways_to_reach_them_unless_asked_for() -> None:
    employee = example("employees", guid="g", email="zoe@example.com", phoneNumber="555-0142")
    (without,) = rows("employees", employee)
    (with_them,) = rows("employees", employee, contacts=True)
    assert (without.email, without.phone_number) == (None, None)
    assert (with_them.email, with_them.phone_number) == ("zoe@example.com", "555-0142")
    assert_loadable(read("employees", [employee], contacts=True))


def test_one_who_has_left_is_still_an_employee() -> None:
    (row,) = rows("employees", example("employees", deleted=True))
    assert row.is_deleted is True


@pytest.mark.parametrize(
    ("kind", "field", "column"),
    [("employees", "externalEmployeeId", "external_employee_id"), ("jobs", "code", "code")],
)
def test_a_code_may_be_written_as_a_number(kind: str, field: str, column: str) -> None:
    (row,) = rows(kind, example(kind, **{field: 42}))
    assert getattr(row, column) == "42"


@pytest.mark.parametrize(("guid", "expected"), [("own", "own"), (None, RESTAURANT), (..., RESTAURANT)])
def test_the_rule_for_tips_goes_by_its_own_guid_or_the_restaurants(guid: Any, expected: str) -> None:
    listing = read("tipWithholding", entity("TipWithholding", guid=guid, enabled=True, percentage=0.035))
    (row,) = listing.records["tip_withholding"]
    assert (row.guid, row.is_enabled, row.percentage) == (expected, True, Decimal("0.035"))
    assert_loadable(listing)


# --- menus -------------------------------------------------------------------------------------------


def test_a_menu_becomes_rows_that_know_where_they_stand() -> None:
    inner = menu_group(menu_item(guid="item"), guid="inner", name="Sweets")
    listing = read_menus(menu(menu_group(guid="outer", groups=(inner,)), guid="menu", name="Lunch"))
    assert_loadable(listing)
    assert [as_written(row) for row in listing.records["menus"]] == [
        {"guid": "menu", "row_hash": listing.records["menus"][0].row_hash, "name": "Lunch"}
    ]
    outer, below = listing.records["menu_groups"]
    assert (outer.guid, outer.menu_guid, outer.menu_name, outer.parent_group_guid) == ("outer", "menu", "Lunch", None)
    assert (below.guid, below.menu_guid, below.name, below.parent_group_guid) == ("inner", "menu", "Sweets", "outer")
    (item,) = listing.records["menu_items"]
    assert as_written(item) == {
        "guid": "item",
        "row_hash": item.row_hash,
        "name": "Crème brûlée",
        "pos_name": "Brûlée",
        "price": "12.5",
        "pricing_strategy": "BASE_PRICE",
        "menu_guid": "menu",
        "menu_name": "Lunch",
        "menu_group_guid": "inner",
        "menu_group_name": "Sweets",
        "sales_category_guid": "food",
        "sales_category_name": "Food",
        "is_modifier_option": False,
        "plu": "4011",
        "sku": "CB-1",
        "multi_location_id": "100000000012345678",
        "is_deferred": False,
        "tax_inclusion": "TAX_NOT_INCLUDED",
    }


def test_an_item_in_several_groups_is_described_by_its_first_place() -> None:
    found = menu_items(
        menu(
            menu_group(guid="first", groups=(menu_group(menu_item(guid="i", price=1), guid="sub"),)),
            menu_group(menu_item(guid="i", price=2), guid="second"),
            guid="m1",
        ),
        menu(menu_group(menu_item(guid="i", price=3), guid="third"), guid="m2"),
    )
    assert (found["i"].menu_guid, found["i"].menu_group_guid, found["i"].price) == ("m1", "sub", 1)
    assert len(found) == 1


def test_a_groups_own_items_come_before_those_of_its_subgroups() -> None:
    sub = menu_group(menu_item(guid="i"), guid="sub")
    assert menu_items(menu(menu_group(menu_item(guid="i"), guid="top", groups=(sub,))))["i"].menu_group_guid == "top"


def test_prices_and_categories_may_be_missing() -> None:
    found = menu_items(
        menu(
            menu_group(
                menu_item(guid="i", price=None, pricingStrategy="OPEN_PRICE", salesCategory=None, plu=..., sku="")
            )
        )
    )["i"]
    assert (found.price, found.pricing_strategy, found.sales_category_guid) == (None, "OPEN_PRICE", None)
    assert (found.plu, found.sku) == (None, "")


def test_an_option_is_a_row_of_its_modifier_group() -> None:
    listing = read_menus(groups={"1": modifier_group(9, guid="sauce")}, options={"9": menu_item(guid="ketchup")})
    assert_loadable(listing)
    (option,) = listing.records["menu_items"]
    assert (option.guid, option.is_modifier_option, option.modifier_group_guid) == ("ketchup", True, "sauce")
    assert (option.menu_guid, option.menu_group_guid) == (None, None)
    (group,) = listing.records["modifier_groups"]
    assert as_written(group) == {
        "guid": "sauce",
        "row_hash": group.row_hash,
        "name": "Sauce",
        "pos_name": "",
        "pricing_strategy": "NONE",
        "min_selections": 1,
        "max_selections": 3,
        "required_mode": "REQUIRED",
        "is_multi_select": True,
        "multi_location_id": "77",
    }


def test_an_option_that_is_also_an_item_is_that_item() -> None:
    found = menu_items(
        menu(menu_group(menu_item(guid="fries", price=5), guid="sides")),
        groups={"1": modifier_group(1)},
        options={"1": menu_item(guid="fries", price=2)},
    )
    assert (found["fries"].is_modifier_option, found["fries"].price) == (False, 5)
    assert (found["fries"].menu_group_guid, found["fries"].modifier_group_guid) == ("sides", None)


def test_an_option_of_several_groups_is_described_as_the_smallest_guid_offers_it() -> None:
    groups = [modifier_group(5, guid="b"), modifier_group(6, guid="a"), modifier_group(5, 6, guid="c")]
    options = {"5": menu_item(guid="o", price=5), "6": menu_item(guid="o", price=6)}
    for first in range(3):
        numbered = {str(number): group for number, group in enumerate(groups[first:] + groups[:first])}
        found = menu_items(groups=numbered, options=options)
        assert (found["o"].modifier_group_guid, found["o"].price) == ("a", 6)


def test_renumbering_the_references_changes_nothing() -> None:
    def published(shift: int) -> Listing:
        groups = {str(n + shift): modifier_group(n * 2 + shift, guid=f"g{n}") for n in range(4)}
        options = {str(n * 2 + shift): menu_item(guid=f"o{n}") for n in range(4)}
        return read_menus(groups=dict(sorted(groups.items())), options=dict(sorted(options.items())))

    assert published(0).records == published(7).records


def test_an_option_that_nothing_offers_is_a_row_and_a_number_without_an_option_is_none() -> None:
    found = menu_items(groups={"1": modifier_group(404, guid="g")}, options={"2": menu_item(guid="stray")})
    assert {guid: row.modifier_group_guid for guid, row in found.items()} == {"stray": None}


def test_modifier_groups_may_allow_any_number() -> None:
    (group,) = read_menus(groups={"1": modifier_group(minSelections=0.0, maxSelections=None)}).records[
        "modifier_groups"
    ]
    assert (group.min_selections, group.max_selections) == (0, None)


def test_an_item_that_no_column_holds_is_rejected_once_and_alone() -> None:
    bad = menu_item(guid="bad", price=Decimal("1E+40"))
    listing = read_menus(
        menu(menu_group(bad, menu_item(guid="good")), menu_group(bad)),
        groups={"1": modifier_group(guid="odd", maxSelections=1.5), "2": modifier_group(guid="even")},
    )
    assert [row.guid for row in listing.records["menu_items"]] == ["good"]
    assert [row.guid for row in listing.records["modifier_groups"]] == ["even"]
    assert {one.guid: one.reason for one in listing.undecodable} == {
        "bad": "price 1E+40 is more than a NUMERIC column holds",
        "odd": "maxSelections 1.5 is not a whole number",
    }
    assert len(listing.undecodable) == 2


def test_no_menus_at_all_is_an_empty_listing() -> None:
    listing = read_menus()
    assert (len(listing), set(listing.records)) == (0, {"menus", "menu_groups", "menu_items", "modifier_groups"})


guids = st.sampled_from([f"g{number}" for number in range(12)])
items = st.builds(lambda guid, price: menu_item(guid=guid, price=price), guids, st.integers(0, 3))
group_trees = st.recursive(
    st.builds(lambda guid, held: menu_group(*held, guid=guid), guids, st.lists(items, max_size=3)),
    lambda below: st.builds(
        lambda guid, held, groups: menu_group(*held, guid=guid, groups=tuple(groups)),
        guids,
        st.lists(items, max_size=2),
        st.lists(below, max_size=3),
    ),
    max_leaves=12,
)
numbers = st.integers(0, 6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    trees=st.lists(st.lists(group_trees, max_size=3), max_size=3),
    groups=st.dictionaries(numbers.map(str), st.tuples(guids, st.lists(numbers, max_size=4)), max_size=5),
    options=st.dictionaries(numbers.map(str), st.tuples(guids, st.lists(numbers, max_size=3)), max_size=6),
)
def test_every_guid_of_any_menus_is_a_row_exactly_once(
    trees: list[Any], groups: dict[str, tuple[str, list[int]]], options: dict[str, tuple[str, list[int]]]
) -> None:
    """Also where the same item is listed often, and where options lead round in circles."""
    listing = read_menus(
        *(menu(*tree, guid=f"m{number}") for number, tree in enumerate(trees)),
        groups={number: modifier_group(*offers, guid=guid) for number, (guid, offers) in groups.items()},
        options={
            number: menu_item(guid=guid, modifierGroupReferences=more) for number, (guid, more) in options.items()
        },
    )
    assert listing.undecodable == []
    assert_loadable(listing)
    in_tree, in_groups = set[str](), set[str]()
    waiting = [group for tree in trees for group in tree]
    while waiting:
        group = waiting.pop()
        in_groups.add(group["guid"])
        in_tree |= {item["guid"] for item in group["menuItems"]}
        waiting += group["menuGroups"]
    found = {row.guid: row for row in listing.records["menu_items"]}
    assert set(found) == in_tree | {guid for guid, _ in options.values()}
    assert {guid for guid, row in found.items() if not row.is_modifier_option} == in_tree
    assert {row.guid for row in listing.records["menu_groups"]} == in_groups
    assert {row.guid for row in listing.records["modifier_groups"]} == {guid for guid, _ in groups.values()}


# --- what makes a version ----------------------------------------------------------------------------


def test_equal_numbers_have_one_hash_however_they_are_written() -> None:
    hashes = {row_hash(DiscountEntity("g", "", amount=Decimal(text))) for text in ("1", "1.0", "1.00", "10E-1", "1E+0")}
    assert len(hashes) == 1
    zeros = {row_hash(DiscountEntity("g", "", amount=Decimal(text))) for text in ("0", "-0.00", "0E+5")}
    assert len(zeros) == 1
    assert not hashes & zeros


def test_null_is_not_the_empty_text() -> None:
    assert row_hash(NamedEntity("g", "", None)) != row_hash(NamedEntity("g", "", ""))
    assert row_hash(DiscountEntity("g", "", amount=None)) != row_hash(DiscountEntity("g", "", amount=Decimal(0)))


def test_a_value_goes_with_its_column() -> None:
    assert row_hash(RevenueCenterEntity("g", "", "a", "bc")) != row_hash(RevenueCenterEntity("g", "", "ab", "c"))
    assert row_hash(RevenueCenterEntity("g", "", "a", None)) != row_hash(RevenueCenterEntity("g", "", None, "a"))
    assert row_hash(DiscountEntity("g", "", amount=Decimal(5))) != row_hash(
        DiscountEntity("g", "", percentage=Decimal(5))
    )


def test_who_it_is_and_the_old_hash_are_no_attributes() -> None:
    assert row_hash(NamedEntity("a", "", "x")) == row_hash(NamedEntity("b", "old", "x"))


def test_an_attribute_that_nobody_fills_changes_no_hash() -> None:
    """So that a column that a dimension gets one day does not make a new version of everything."""
    assert row_hash(NamedEntity("g", "", "Patio")) == row_hash(ServiceAreaEntity("g", "", "Patio", None))


def test_the_hash_of_a_row_lasts() -> None:
    """It is compared with those in the warehouse: another way to reckon it would be a new version of everything."""
    row = DiscountEntity("g", "", "Ten off é", True, "PERCENT", Decimal("10.50"))
    canonical = '{"discount_type":"PERCENT","is_active":true,"name":"Ten off é","percentage":"10.5"}'
    assert row_hash(row) == hashlib.sha256(canonical.encode()).hexdigest()[:32]


def shuffled(value: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    return dict(data.draw(st.permutations(list(value.items()))))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_neither_the_order_of_fields_nor_the_form_of_numbers_makes_a_version(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(EXAMPLES)))
    whole = example(kind, guid="g")
    (row,) = rows(kind, whole)
    rewritten = to_json([shuffled(whole, data)])
    for name, value in whole.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = str(Decimal(str(value)))
            longer = number + ("" if "." in number else ".") + "0" * data.draw(st.integers(1, 5))
            rewritten = rewritten.replace(f'"{name}":{value}'.encode(), f'"{name}":{longer}'.encode())
    (again,) = LISTINGS[kind].decode(rewritten, restaurant_guid=RESTAURANT).records[LISTINGS[kind].records[0]]
    assert again.row_hash == row.row_hash


def values_of(kind: str) -> st.SearchStrategy[Any]:
    return {
        "STRING": st.text(max_size=4),
        "BOOL": st.booleans(),
        "INT64": st.integers(-3, 3),
        "NUMERIC": st.decimals(-3, 3, places=2),
        "DATE": st.dates(),
    }[kind]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_rows_have_one_hash_exactly_when_their_attributes_are_equal(data: st.DataObject) -> None:
    table = DIMENSIONS[data.draw(st.sampled_from(sorted(DIMENSIONS)))]
    attributes = [st.none() | values_of(column.type) for column in table.attributes]
    one, other = (table.row("g", "", *data.draw(st.tuples(*attributes))) for _ in range(2))
    assert (row_hash(one) == row_hash(other)) == (one == other)


# --- any JSON ----------------------------------------------------------------------------------------

strange_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3) | st.integers(-(2**80), 2**80),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["NaN", "-Infinity", "1.5", "9E+1000000", "x" * 200, "", "2026-02-21"]),
    st.sampled_from(["1E+400", "1E-1000000", "0E+50", "99999999999999999999999999999.9"]).map(Decimal),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["guid", "name"]), st.none() | st.text(max_size=3) | st.integers(), max_size=2),
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_an_object_changed_anywhere_is_a_row_that_bigquery_takes_or_a_rejection(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(EXAMPLES)))
    changed = example(kind)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.sampled_from(sorted(changed)))] = data.draw(strange_values)
    listing = read(kind, [example(kind), changed], contacts=data.draw(st.booleans()))
    assert_loadable(listing)
    assert len(listing) == 2
    assert all(one.reason for one in listing.undecodable)
    msgspec.json.encode(listing.undecodable)  # they go to etl_rejects as JSON


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_menus_with_changed_bytes_are_rows_rejections_or_unreadable(data: st.DataObject) -> None:
    body = bytearray(
        to_json(
            menus(
                menu(menu_group(menu_item(), groups=(menu_group(menu_item()),))),
                groups={"1": modifier_group(1)},
                options={"1": menu_item()},
            )
        )
    )
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        listing = LISTINGS["menus"].decode(bytes(body), restaurant_guid=RESTAURANT)
    except UnreadableBody as unreadable:
        assert str(unreadable)  # noqa: PT017 - either is fine
        return
    assert_loadable(listing)
    msgspec.json.encode(listing.undecodable)
