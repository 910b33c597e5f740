from bench.pii_waybills import rearranged

from cartveil.insight.decisions.finder.examples import Example, Labelled


def waybill(*parts):
    text, spans = "", []
    for part, label in parts:
        spans.append(Labelled(len(text), len(text) + len(part), label))
        text += part
    return Example(text, tuple(spans))


GIVEN = [
    waybill(("王五", "P"), ("138", "T"), ("甲省", "A1"), ("乙市", "A2")),
    waybill(("丙省", "A1"), ("丁市", "A2"), ("欧阳小红", "P"), ("139", "T")),
]


def test_new_waybills_hold_the_same_parts_with_the_addresses_whole():
    for example in rearranged(GIVEN, 50):
        parts = {span.label: example.text[span.start : span.end] for span in example.spans}
        assert (parts["A1"], parts["A2"]) in {("甲省", "乙市"), ("丙省", "丁市")}
        assert parts["T"] in {"138", "139"}
        assert parts["P"] in {"王五", "王小红", "欧阳五", "欧阳小红"}


def test_they_depend_on_the_seed_alone_and_come_in_more_orders_than_one():
    found = rearranged(GIVEN, 30)
    assert found == rearranged(GIVEN, 30)
    assert len({example.spans[0].label for example in found}) > 1
