"""Letters about three things, composed at random but always the same."""

from __future__ import annotations

from random import Random

import pytest

SAID = {
    "城乡建设": ["物业拖着不修电梯", "业主委员会选不出来", "楼顶漏水一直没人管", "开发商迟迟不交房"],
    "交通运输": ["公交车半小时才来一趟", "出租车司机不打表", "路口红绿灯坏了", "停车位被人占着"],
    "卫生计生": ["医院挂号排队太久", "住院费用报销不了", "社区没有疫苗接种", "医生态度很差"],
}
ASKED = ["请尽快处理。", "希望给个答复。", "这种情况已经三个月了。", "打过电话没有结果。", "谢谢领导关心。"]


def compose(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """`count` pairs of text and label, the labels in turn."""
    rng = Random(seed)
    made = []
    for number in range(count):
        label = list(SAID)[number % len(SAID)]
        parts = rng.sample(SAID[label], 2) + rng.sample(ASKED, 2)
        rng.shuffle(parts)
        made.append((f"{rng.randrange(1000)}号信：" + "，".join(parts), label))
    return made


@pytest.fixture
def letters() -> list[tuple[str, str]]:
    """150 labelled texts that a small classifier can tell apart."""
    return compose(150)
