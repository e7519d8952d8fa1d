"""semhash: its index over sentence vectors. It wants a model from the hub; offline, a random vector for each
character stands in, so its speed is what is measured and its quality is that of a bag of characters."""

import numpy as np
from model2vec import StaticModel
from rows import read, task, write
from semhash import SemHash
from tokenizers import Tokenizer, models, pre_tokenizers

SIMILAR = 0.97

todo = task()
lines, texts = read(todo.source)
known = {"[UNK]": 0}
for text in texts[:5000]:
    for letter in text:
        known.setdefault(letter, len(known))
tokenizer = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
vectors = np.random.default_rng(0).standard_normal((len(known), 256)).astype(np.float32)
model = StaticModel(vectors=vectors, tokenizer=tokenizer, normalize=True)
records = [{"place": str(place), "text": text} for place, text in enumerate(texts)]
index = SemHash.from_records(records=records, columns=["text"], model=model)
keep = [False] * len(lines)
for record in index.self_deduplicate(threshold=SIMILAR).selected:
    keep[int(record["place"])] = True
write(todo.output, lines, keep)
