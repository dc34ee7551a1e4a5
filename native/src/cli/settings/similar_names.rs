//! Names of presets that resemble one that there is not.

use petrel_core::chain::preset_names;

/// Names at most.
const MOST: usize = 4;

/// The names that resemble `name` most: those that have it within first, then by the letters that differ.
pub(super) fn near(name: &str) -> Vec<&'static str> {
    let name = name.to_ascii_lowercase();
    let mut slugs: Vec<_> = preset_names().map(|preset| preset.slug).collect();
    slugs.sort_by_cached_key(|slug| {
        // `<chain>-<superchain>`: who gives the first alone means one of its networks.
        let chain = slug.rsplit_once('-').map_or(*slug, |(chain, _)| chain);
        (!slug.contains(&name), distance(&name, slug).min(distance(&name, chain)))
    });
    slugs.truncate(MOST);
    slugs
}

/// How many bytes must be put in, taken out or changed to make one of the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in (1..).zip(from.bytes()) {
        let mut current = vec![row];
        let mut left = row;
        for (other, corner) in to.bytes().zip(above.windows(2)) {
            let [diagonal, over] = corner else { continue };
            left = (diagonal + usize::from(letter != other)).min(over + 1).min(left + 1);
            current.push(left);
        }
        above = current;
    }
    above.last().copied().unwrap_or_default()
}
