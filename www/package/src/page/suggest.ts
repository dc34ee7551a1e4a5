// Suggests a known name for one that is unknown.

/** A longer name is compared with none. */
const LONGEST = 64;
/** Fewer letters begin too many names. */
const BEGINNING = 3;

/** Those of `names` that are nearest to `wanted`, the nearest first: what goes on after it, or is a few letters away. */
export function suggest(wanted: string, names: readonly string[], most = 3): string[] {
  if (wanted === '' || wanted.length > LONGEST) return [];
  const word = wanted.toLowerCase();
  const limit = Math.max(1, Math.floor(word.length / 3));
  const away = (name: string): number => (word.length >= BEGINNING && name.startsWith(word) ? 0 : distance(word, name));
  const ranked = names.map((name) => ({ name, away: away(name.toLowerCase()) }));
  const good = ranked.filter(({ away }) => away <= limit).sort((one, other) => one.away - other.away);
  return good.slice(0, most).map(({ name }) => name);
}

/** Letters to insert, to leave out, to replace, or to swap with the next one. */
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
