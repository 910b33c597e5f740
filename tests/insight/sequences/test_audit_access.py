import pytest
from tests.insight.sequences.test_audit_trail import column, log

from cartveil.insight.sequences.audit_trail import audit_stream

GATE = ("role", "service")
EXPORT, CHECK, APPROVE = ("action", "export"), ("action", "consent_check"), ("action", "approve")
DENY = ("decision", "deny")


def test_a_device_is_known_by_the_days_on_which_it_was_used():
    entries = [(24 * day, "anna", "p1", "T1", ("device", "d1")) for day in range(5)]
    entries += [(24 * 4 + 1, "anna", "p1", "T1", ("device", "d1")), (24 * 5, "anna", "p1", "T1", ("device", "d2"))]
    assert column("device_days", *entries) == ["0", "1", "2 or 3", "2 or 3", "4 to 7", "4 to 7", "0"]


def test_a_device_of_a_colleague_is_shared_from_the_day_after():
    entries = ((0, "anna", "p1", "T1", ("device", "d1")), (1, "bert", "p1", "T1", ("device", "d1")))
    assert column("device_shared", *entries) == ["no", "no"]
    later = (*entries, (24, "cleo", "p1", "T1", ("device", "d1")))
    assert column("device_shared", *later) == ["no", "no", "yes"]


@pytest.mark.parametrize(("minutes", "found"), [(10, "other device"), (50, "no")])
def test_two_devices_within_half_an_hour_are_two_places(minutes, found):
    entries = ((0, "anna", "p1", "T1", ("device", "d1")), (minutes / 60, "anna", "p1", "T1", ("device", "d2")))
    assert column("elsewhere", *entries) == ["no", found]


def test_a_case_is_new_the_same_or_an_earlier_one():
    entries = [(0, "anna", "p1", case) for case in ("T1", "T1", "T2", None, "T1")]
    names = ["a case not seen before", "the case before", "a case not seen before", "no case", "an earlier case"]
    assert column("case_turn", *entries) == names


def test_a_case_whose_number_lies_far_behind_is_old():
    entries = [(hour, "anna", f"p{hour}", f"T{1000 + 10 * hour}") for hour in range(60)]
    found = column("case_age", *entries, (60, "anna", "p1", "T1"), (61, "anna", "p1", "TX"), (62, "anna", "p2", None))
    assert found[-3:] == ["older", "no number", "no number"]
    assert set(found[10:60]) <= {"new", "of late", "ahead"}


def test_an_export_is_held_against_earlier_approvals():
    entries = (
        (0, "anna", None, "C1", EXPORT),
        (1, "bert", None, "C1", APPROVE),
        (2, "anna", None, "C1", EXPORT),
        (3, "anna", None, None, EXPORT),
        (4, "bert", None, None, EXPORT),
        (24 * 9, "bert", None, None, EXPORT),
        (24 * 9, "bert", None, None),
    )
    names = ["case never approved", "not exported", "case approved", "never approved", "table approved lately"]
    assert column("approval", *entries) == [*names, "never approved", "not exported"]


def test_a_read_knows_what_the_last_check_of_consent_said():
    entries = (
        (0, "anna", "p1", None),
        (1, "anna", "p1", None, CHECK, DENY),
        (2, "bert", "p1", None),
        (30, "bert", "p1", None),
        (31, "anna", "p1", None, CHECK),
        (32, "bert", "p1", None),
        (33, "bert", "p2", None),
    )
    names = ["unknown", "unknown", "withdrawn within a day", "withdrawn", "unknown", "given", "unknown"]
    assert column("consent", *entries) == names


def test_after_a_check_that_said_no_the_actors_next_steps_are_marked():
    entries = ((0, "anna", None, "C1", CHECK, DENY), (0.5, "anna", None, "C1", EXPORT), (5, "anna", None, "C1"))
    assert column("check_before", *entries) == ["no check", "a check that said no", "an old check that said no"]
    assert column("consent_of_case", *entries) == ["unknown", "withdrawn", "withdrawn"]


def test_a_gateways_export_echoes_that_of_a_person():
    rows = ("rows", 500)
    entries = (
        (0, "anna", None, "C1", EXPORT, rows),
        (0.005, "gate", None, "C1", EXPORT, rows, GATE),
        (1, "gate", None, "C1", EXPORT, rows, GATE),
        (1.001, "gate", None, "C1", EXPORT, ("rows", 400), GATE),
        (1.002, "gate", None, "C1", EXPORT, ("rows", 400), GATE),
    )
    assert column("echo", *entries) == ["no", "yes", "no", "no", "no"]


def test_a_person_who_repeats_an_export_answers_for_it():
    rows = ("rows", 500)
    entries = ((0, "anna", None, "C1", EXPORT, rows), (0.005, "bert", None, "C1", EXPORT, rows))
    assert column("echo", *entries) == ["no", "no"]


def test_a_service_is_one_by_role_or_by_kind():
    gate = (0.005, "gate", None, "C1", EXPORT, ("actor_kind", "service"))
    assert column("echo", (0, "anna", None, "C1", EXPORT, ("actor_kind", "person")), gate) == ["no", "yes"]


def test_rows_of_a_day_add_up_and_count_as_the_persons_alone():
    quiet = [(24 * day, "anna", None, "C1", EXPORT, ("rows", 10)) for day in range(20)]
    burst = [(24 * 20 + hour, "anna", None, "C1", EXPORT, ("rows", 400)) for hour in range(3)]
    echoed = [(24 * 20 + hour + 0.01, "gate", None, "C1", EXPORT, ("rows", 400), GATE) for hour in range(3)]
    found = audit_stream(log(*sorted(quiet + burst + echoed, key=lambda entry: entry[0])))[0]
    today, actors = found["exported_today"].to_pylist(), found["actor"].to_pylist()
    anna = [value for value, actor in zip(today, actors, strict=True) if actor == "anna"]
    assert max(anna[5:20]) < 0.5
    assert 2 < anna[20] < anna[21] < anna[22]
    assert max(value for value, actor in zip(today, actors, strict=True) if actor == "gate") == 0


def test_more_rows_at_once_than_ever_are_far_beyond_the_habit():
    entries = [(hour, "anna", None, None, ("rows", 3)) for hour in range(30)]
    found = column("rows_against_habit", *entries, (31, "anna", None, None, ("rows", 3000)))
    assert max(found[10:30]) < 0.5
    assert found[-1] > 5
