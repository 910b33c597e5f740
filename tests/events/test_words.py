import pytest

from cartveil.events.kinds import Kind
from cartveil.events.patterns.words import SAID, word_before


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("订单号：", "order_id"),
        ("您的订单编号为 ", "order_id"),
        ("My order number is #", "order_id"),
        ("快递单号", "tracking_id"),
        ("QQ号是：", "messenger_id"),
        ("联系电话（", "phone"),
        ("Call me at ", "phone"),
        ("My account number is: ", "bank_account"),
        ("身份证号码：", "id_number"),
        ("Passport No. ", "passport"),
    ],
)
def test_the_word_before_a_number_says_what_it_is(text, kind):
    assert SAID[word_before(text, len(text))].kind == Kind(kind)


@pytest.mark.parametrize(
    "text", ["", "建国路", "recall", "border ", "我有 ", "The number is ", "订单很多，价格", "phone; ", "phone\n"]
)
def test_other_words_say_nothing(text):
    assert word_before(text, len(text)) == ""


def test_only_what_stands_before_counts():
    assert word_before("123 order", 3) == ""
