"""People given away by their surroundings: cues of kin, speech and contact; names of every shape."""

from __future__ import annotations

import pytest

from curation.anonymise import names
from curation.anonymise.spans import view


def people(text: str) -> dict[str, str]:
    found = names.find({"text": view(text)}, {}, {})["text"]
    return {text[span.start : span.end]: span.type for span in found}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("家父白雪今年八十多岁，行动不便", "白雪"),
        ("您好我是江河电话打不通", "江河"),
        ("业主代表：李建军、黎明盼回复", "黎明"),
        ("我妻子阳光的号码一直没有变", "阳光"),
        ("我是江河的女儿，代他写信", "江河"),
        ("本人黎明，1970年出生", "黎明"),
        ("带头的是一个叫高峰的人", "高峰"),
        ("云海今年刚上小学三年级", "云海"),
        ("黎明来电称，水管漏了", "黎明"),
        ("尊敬的高歌：您好", "高歌"),
        ("他说这事归田野管。", "田野"),
        ("让我们去找江山。", "江山"),
        ("我拿着夏天的护照去登记", "夏天"),
        ("值班员温馨登记了三次", "温馨"),
        ("高远同志：来信收悉", "高远"),
        ("村里的雷雨家也一样", "雷雨"),
        ("广场噪声太大（马力）", "马力"),
        ("经与来信人白云联系，已经办结", "白云"),
    ],
)
def test_a_name_that_is_a_word_is_found_by_what_stands_around_it(text: str, name: str) -> None:
    assert people(text).get(name) == "PERSON"


@pytest.mark.parametrize(
    "text",
    [
        "孩子高中今年毕业，家里着急",
        "我是业主电话没人接",
        "尊敬的各级党委：您好",
        "这件事归公安管。",
        "让我们去找公司。",
        "居民反映水管漏了",
        "经常反映，没有回音",
        "我拿着房东的护照",
        "丈夫和儿子的户口在外地",
        "值班人员应该登记来访",
        "早高峰今年更堵，温馨提示",
        "何必自己找麻烦呢，算了",
        "业主代表方能要求表决",
        "高明区去年修了路，阳光小区没有",
    ],
)
def test_words_beside_a_cue_stay(text: str) -> None:
    assert people(text) == {}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("昨天上官雪去窗口办理", "上官雪"),
        ("村民尉迟建军摔伤以后", "尉迟建军"),
        ("那天看见令狐小梅，没说话", "令狐小梅"),
        ("证明是慕容峰说的", "慕容峰"),
        ("诸葛志远的申请没有批", "诸葛志远"),
        ("由皇甫敏负责登记", "皇甫敏"),
        ("听端木玉兰说过", "端木玉兰"),
    ],
)
def test_a_compound_surname_takes_as_many_characters_as_fit(text: str, name: str) -> None:
    assert people(text).get(name) == "PERSON"


@pytest.mark.parametrize(
    "text",
    [
        "网上官方公告没有写",
        "公司马上就要搬走",
        "我外公孙子没来",
        "公司徒增成本",
        "上班十分钟离开岗位",
        "高端木门的质量",
        "海鲜于上周变质",
        "湖南宫殿式建筑",
    ],
)
def test_a_compound_surname_across_words_is_none(text: str) -> None:
    assert people(text) == {}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("昨天扎西顿珠把车开走了", "扎西顿珠"),
        ("我把表交给了古丽·买买提以后", "古丽·买买提"),
        ("这事归艾力·玉素甫管", "艾力·玉素甫"),
        ("房客田中花子退租", "田中花子"),
        ("安娜·彼得说要退款", "安娜·彼得"),
        ("楼里的娜仁托娅没有签字", "娜仁托娅"),
        ("我爱人阮氏秋月和我都在", "阮氏秋月"),
    ],
)
def test_names_of_other_languages_need_no_engine(text: str, name: str) -> None:
    assert people(text).get(name) == "PERSON"


@pytest.mark.parametrize(
    "text",
    [
        "乌兰察布市的羊肉",
        "呼和浩特的冬天",
        "去阿里地区旅游",
        "中山路口的红灯",
        "小林地里种了树",
        "特斯拉降价以后",
    ],
)
def test_places_and_brands_that_sound_alike_stay(text: str) -> None:
    assert people(text) == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("已致电向小覃说明", "小覃"),
        ("老丁您好！来信收悉", "老丁"),
        ("请联系老孔+86", "老孔"),
        ("楼上老史说她也交过", "老史"),
        ("加我微信（老温），谢谢", "老温"),
        ("来电人小傅表示，没有水", "小傅"),
        ("小黄（13812345678）来电", "小黄"),
        ("楼上任叔叔说也交过", "任叔叔"),
        ("请联系石大姐", "石大姐"),
        ("向方阿姨解释过了", "方阿姨"),
        ("来电人约翰老师表示", "约翰老师"),
        ("微信（田中花子女士）", "田中花子女士"),
        ("洛桑平措师傅说不行", "洛桑平措师傅"),
        ("玛丽亚大爷您好", "玛丽亚大爷"),
    ],
)
def test_familiar_names_and_honorifics_are_found(text: str, found: str) -> None:
    assert people(text).get(found) == "PERSON_HONORIFIC"


@pytest.mark.parametrize(
    "text",
    [
        "联系小区物业，小时候就住老家",
        "向老师说明，小学反映过",
        "老人说，老年卡刷不了",
        "来电人小区没有电梯",
        "小高层、小黄车、小龙虾都有",
        "老城区的小路，奔小康",
        "老党员、老干部、小车",
        "楼上小白菜，老公说不行",
        "有位大爷说，那大姐好",
        "向大爷借过一把椅子，数学老师",
    ],
)
def test_words_with_old_and_small_stay(text: str) -> None:
    assert people(text) == {}
