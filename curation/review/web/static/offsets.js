// Places in a text. The server counts code points, as Python does; JavaScript counts UTF-16 units, of which an
// emoji or a rare Chinese character takes two.

export class Offsets {
  constructor(text) {
    this.pairs = [...text.matchAll(/[\u{10000}-\u{10FFFF}]/gu)].map((found) => found.index);
  }

  /** Code points before a place in units; a place inside a pair counts as behind it. */
  points(unit) {
    return unit - count(this.pairs, (index) => index < unit) + (this.splits(unit) ? 1 : 0);
  }

  /** Units before a place in code points. */
  units(point) {
    return point + count(this.pairs, (index, order) => index - order < point);
  }

  /** Whether a place lies between the two units of a pair. */
  splits(unit) {
    const before = count(this.pairs, (index) => index < unit);
    return before > 0 && this.pairs[before - 1] === unit - 1;
  }
}

/** How many entries at the front of a sorted list pass; by halving. */
function count(list, passes) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (passes(list[middle], middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
