"""Ordinary text without anybody in it, from templates: what a tagger must learn to leave alone.

The waybills hold no character outside a label, so whoever learns from them alone finds a name in every sentence. The
templates to learn from and those to be judged by share no sentence.
"""

import random

#: What stands in a slot of that name.
_SLOTS = {
    "thing": "手机壳 充电宝 电饭煲 洗发水 牛仔裤 保温杯 蓝牙耳机 台灯 雨伞 运动鞋 坚果礼盒 挂面 "
    "酱油 抽纸 床单 键盘 鼠标垫 "
    "婴儿湿巾 猫粮 护手霜 书包 电动牙刷 苹果 榨汁机 拖把 茶叶 面膜 数据线 凉席 羽绒服",
    "word": "好用 结实 轻便 划算 精致 漂亮 一般 偏小 耐用 柔软 清晰 安静 新鲜 方便 粗糙 厚实",
    "place": "家里 公司 楼下 学校 办公室 超市 店里 仓库 北京 上海 广州 杭州 成都 老家 车上 厨房",
    "time": "昨天 今天 上周 周末 前几天 双十一 国庆 早上 下午 半个月前 中秋 过年 上个月 三月份",
}

LEARNT = (
    "{thing}收到了，质量{word}，比想象中{word}。",
    "{time}下单的{thing}，{n}天就到了，物流很快。",
    "这个{thing}用了{n}个月，感觉{word}，推荐购买！",
    "价格{price}元，在{place}用正合适，颜色也{word}",
    "订单号{order}，请问什么时候发货？",
    "第{n}次购买了，一如既往的{word}。",
    "包装有点破损，里面的{thing}没坏，给{n}星。",
    "客服态度不错，{time}联系的，当天就解决了问题",
    "尺寸是{n}*{m}厘米，放在{place}刚刚好。",
    "{thing}太{word}了，退货运费{price}元，不开心",
    "买了{n}个{thing}送人，大家都说{word}。",
    "满{m}减{n}，到手才{price}，很{word}。",
    "型号X{m}，功率{m}瓦，{place}也能用。",
    "不知道是不是正品，{thing}的味道有点{word}。",
    "快递{n}点到的，放在{place}，下次还来。",
    "{time}天气不好，{thing}晚到了{n}天，可以理解。",
    "和{place}专柜卖的一样，{word}，就是贵了{price}块",
    "商品编号{order}，库存{m}件，保质期{n}个月。",
    "屏幕{word}，电池能用{n}小时，充电{m}分钟。",
    "路上颠簸，{thing}的盖子松了，整体还是{word}的",
    "Good quality, fast delivery, will buy again.",
    "收到货了 很满意 ok",
    "东西还没用，看着{word}，用了再来追评",
    "小区超市卖{price}，这里便宜{n}块，划算。",
    "酒店离市中心{n}公里，早餐{word}，房间{word}。",
    "电影演了{m}分钟，情节{word}，值得一看",
)
JUDGED = (
    "等了{n}天才拿到{thing}，做工{word}，有点失望。",
    "{thing}给孩子买的，{time}到货，孩子很喜欢",
    "性价比高，{price}块钱能买到这样的{thing}真{word}！",
    "流水号{order}的那件{thing}还能换吗",
    "从{place}寄到{place}一共{n}天，包得{word}。",
    "声音{word}，{n}档调节，适合{place}用。",
    "看评论买的，{word}，没有色差，会回购",
    "重量{m}克，比{time}买的那款{word}一点。",
    "活动价{price}，赠品是{thing}，挺{word}的。",
    "安装花了{m}分钟，说明书{word}，总体{word}",
    "老板很热情，送了{n}双袜子，谢谢",
    "房间在{n}楼，隔音{word}，离地铁站{m}米。",
    "Not bad, but the box was a little damaged.",
    "颜色正，面料{word}，洗了{n}次没有起球",
)


def ordinary_texts(count: int, *, judged: bool = False, seed: int = 0) -> list[str]:
    """Return sentences of ordinary text, one to three in each.

    Args:
        count: How many.
        judged: Of the templates that nothing is learnt from.
        seed: Of the choice.
    """
    draw = random.Random(seed)
    templates = JUDGED if judged else LEARNT
    return ["".join(_filled(draw.choice(templates), draw) for _ in range(draw.randint(1, 3))) for _ in range(count)]


def _filled(template: str, draw: random.Random) -> str:
    while "{" in template:
        begin, end = template.index("{"), template.index("}")
        template = template[:begin] + _slot(template[begin + 1 : end], draw) + template[end + 1 :]
    return template


def _slot(name: str, draw: random.Random) -> str:
    match name:
        case "n":
            return draw.choice([str(draw.randint(1, 9)), "一", "两", "三", "五", "十", "好几"])
        case "m":
            return str(draw.randint(10, 999))
        case "price":
            return draw.choice([f"{draw.uniform(1, 999):.2f}", str(draw.randint(5, 2999)), f"{draw.randint(5, 99)}.9"])
        case "order":
            return "".join(draw.choice("0123456789") for _ in range(draw.randint(8, 19)))
        case _:
            return draw.choice(_SLOTS[name].split())
