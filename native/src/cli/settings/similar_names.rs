//! Names of presets that are similar to an unknown name.

use petrel_core::chain::preset_names;

/// Names at most.
const COUNT: usize = 4;

/// The names that are most similar to `name`: first those that contain it, then by edit distance.
pub(super) fn similar_names(name: &str) -> Vec<&'static str> {
    let name = name.to_ascii_lowercase();
    let mut slugs: Vec<_> = preset_names().map(|preset| preset.slug).collect();
    slugs.sort_by_cached_key(|slug| {
        // `<chain>-<superchain>`: the first part alone means one of the chain's networks.
        let chain = slug.rsplit_once('-').map_or(*slug, |(chain, _)| chain);
        (!slug.contains(&name), edit_distance(&name, slug).min(edit_distance(&name, chain)))
    });
    slugs.truncate(COUNT);
    slugs
}

/// The number of inserted, removed or changed bytes between two names (Levenshtein).
fn edit_distance(from: &str, to: &str) -> usize {
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
