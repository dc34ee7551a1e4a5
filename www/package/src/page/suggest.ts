// Suggests a known name for one that is unknown.

/** Longer names have no suggestions. */
const LONGEST = 64;
/** The least length of a word that is compared with the beginnings of names. */
const MIN_PREFIX = 3;

/** The `names` that resemble `wanted`, the most similar first: those that begin with it, and those that differ in a few letters. */
export function suggest(wanted: string, names: readonly string[], most = 3): string[] {
  if (wanted === '' || wanted.length > LONGEST) return [];
  const word = wanted.toLowerCase();
  const limit = Math.max(1, Math.floor(word.length / 3));
  const away = (name: string): number => (word.length >= MIN_PREFIX && name.startsWith(word) ? 0 : distance(word, name));
  const ranked = names.map((name) => ({ name, away: away(name.toLowerCase()) }));
  const good = ranked.filter(({ away }) => away <= limit).sort((one, other) => one.away - other.away);
  return good.slice(0, most).map(({ name }) => name);
}

/** How many letters must be inserted, deleted, replaced, or swapped with the next one (Damerau-Levenshtein). */
function distance(one: string, other: string): number {
  let [before, last] = [[] as number[], Array.from({ length: other.length + 1 }, (_, at) => at)];
  for (let row = 1; row <= one.length; row += 1) {
    const now = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const same = one[row - 1] === other[column - 1] ? 0 : 1;
      const swapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      now.push(
        Math.min(
          at(last, column) + 1,
          at(now, column - 1) + 1,
          at(last, column - 1) + same,
          swapped ? at(before, column - 2) + 1 : Infinity,
        ),
      );
    }
    [before, last] = [last, now];
  }
  return at(last, other.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
