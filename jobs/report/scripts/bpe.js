// Byte-level BPE, exactly as the tokenizer does it: a text is cut into words by the published expressions, and a word is
// merged in the order of the list, the leftmost of equal pairs first.
class Merges {
  constructor(left, right, made) {
    const size = 1 << (32 - Math.clz32(2 * left.length + 1));
    [this.left, this.right, this.made] = [left, right, made];
    this.mask = size - 1;
    this.slots = new Int32Array(size).fill(-1);
    for (let rank = 0; rank < left.length; rank++) this.slots[this.slot(left[rank], right[rank])] = rank; // the last counts
  }

  slot(left, right) {
    let at = (Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) >>> 0;
    for (at = (at ^ (at >>> 15)) & this.mask; ; at = (at + 1) & this.mask) {
      const rank = this.slots[at];
      if (rank < 0 || (this.left[rank] === left && this.right[rank] === right)) return at;
    }
  }

  rank(left, right) {
    return this.slots[this.slot(left, right)];
  }
}

// The smallest of many numbers, again and again.
class Heap {
  constructor() {
    this.items = [];
  }

  push(item) {
    const items = this.items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (items[above] <= item) break;
      items[at] = items[above];
      at = above;
    }
    items[at] = item;
  }

  pop() {
    const items = this.items;
    const smallest = items[0];
    const last = items.pop();
    let at = 0;
    while (2 * at + 1 < items.length) {
      let below = 2 * at + 1;
      if (below + 1 < items.length && items[below + 1] < items[below]) below += 1;
      if (items[below] >= last) break;
      items[at] = items[below];
      at = below;
    }
    if (items.length) items[at] = last;
    return smallest;
  }
}

const PLACES = 2 ** 24; // more than the bytes of a text

function mergedWord(bytes, byteIds, merges) {
  const ids = Int32Array.from(bytes, (byte) => byteIds[byte]);
  const next = Int32Array.from(ids, (_, i) => i + 1);
  const before = Int32Array.from(ids, (_, i) => i - 1);
  const heap = new Heap();
  const offer = (at) => {
    if (at < 0 || next[at] >= ids.length) return;
    const rank = merges.rank(ids[at], ids[next[at]]);
    if (rank >= 0) heap.push(rank * PLACES + at);
  };
  for (let at = 0; at < ids.length; at++) offer(at);
  while (heap.items.length) {
    const item = heap.pop();
    const at = item % PLACES;
    const rank = (item - at) / PLACES;
    const other = next[at];
    if (ids[at] < 0 || other >= ids.length || merges.rank(ids[at], ids[other]) !== rank) continue;
    ids[at] = merges.made[rank];
    ids[other] = -1;
    next[at] = next[other];
    if (next[at] < ids.length) before[next[at]] = at;
    offer(before[at]);
    offer(at);
  }
  return ids.filter((id) => id >= 0);
}

// The numbers of `count` 24-bit numbers from the low, the middle and the high bytes of all.
function numbersFrom(bytes, all, first, count) {
  return Int32Array.from({ length: count }, (_, i) => {
    const at = first + i;
    return bytes[at] | (bytes[all + at] << 8) | (bytes[2 * all + at] << 16);
  });
}

class Cutter {
  constructor(packed) {
    const end = packed.indexOf(10);
    const heading = JSON.parse(new TextDecoder().decode(packed.subarray(0, end)));
    const [bytes, count] = [packed.subarray(end + 1), heading.merges];
    const [left, right, steps] = [0, 1, 2].map((part) => numbersFrom(bytes, 3 * count, part * count, count));
    let made = -1;
    const mades = steps.map((step) => (made += ((step << 8) >> 8) + 1)); // 24 bits with a sign
    this.merges = new Merges(left, right, mades);
    this.byteIds = heading.bytes;
    const written = (step) => step.map((part) => (typeof part === "number" ? heading.classes[part] : part)).join("");
    this.steps = heading.steps.map((step) => new RegExp(written(step), "gu"));
    this.added = heading.added.map((tokens) => [
      new Map(tokens),
      new RegExp(tokens.map(([text]) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|") || "(?!)", "gu"),
    ]);
    this.whole = new Map(heading.whole);
    this.texts = new Map(heading.bytes.map((id, byte) => [id, [byte]]));
    this.rankOf = new Map();
    for (let rank = count - 1; rank >= 0; rank--) this.rankOf.set(mades[rank], rank);
    this.known = new Map();
  }

  // Bytes of a token.
  bytesOf(id) {
    if (!this.texts.has(id)) {
      const rank = this.rankOf.get(id);
      this.texts.set(id, [...this.bytesOf(this.merges.left[rank]), ...this.bytesOf(this.merges.right[rank])]);
    }
    return this.texts.get(id);
  }

  word(text) {
    let ids = this.known.get(text);
    if (ids === undefined) {
      const bytes = new TextEncoder().encode(text);
      const whole = this.whole.size ? this.whole.get([...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")) : undefined;
      ids = whole === undefined ? mergedWord(bytes, this.byteIds, this.merges) : [whole];
      if (whole !== undefined) this.texts.set(whole, [...bytes]);
      this.known.set(text, ids);
    }
    return ids;
  }

  // Ids of a text; a text that is no Unicode gets U+FFFD for each stray half of a character.
  encode(given) {
    this.known.clear();
    let parts = [new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(given))];
    for (const [tokens, expression] of this.added) {
      if (tokens.size === 0) continue;
      parts = parts.flatMap((part) => (typeof part === "number" ? [part] : this.found(part, tokens, expression)));
    }
    const ids = [];
    for (const part of parts) {
      if (typeof part === "number") ids.push(part);
      else for (const word of this.words(part)) for (const id of this.word(word)) ids.push(id);
    }
    return ids;
  }

  // Texts and ids of added tokens, in their order.
  found(text, tokens, expression) {
    const parts = [];
    let from = 0;
    for (const match of text.matchAll(expression)) {
      const id = tokens.get(match[0]);
      if (id < 0) continue;
      parts.push(text.slice(from, match.index), id);
      this.texts.set(id, [...new TextEncoder().encode(match[0])]);
      from = match.index + match[0].length;
    }
    return [...parts, text.slice(from)];
  }

  words(text) {
    return this.steps.reduce((pieces, step) => pieces.flatMap((piece) => matchesAndGaps(piece, step)), text ? [text] : []);
  }
}

function matchesAndGaps(text, expression) {
  const pieces = [];
  let from = 0;
  for (const match of text.matchAll(expression)) {
    if (match.index > from) pieces.push(text.slice(from, match.index));
    pieces.push(match[0]);
    from = match.index + match[0].length;
  }
  if (from < text.length) pieces.push(text.slice(from));
  return pieces;
}
