//! What a Python dictionary makes of pairs: of a key given twice the place is the first one's and the value the last one's.

use hashbrown::HashMap;

/// Up to so many, comparing each with each is quicker than hashing.
const FEW: usize = 24;

pub fn unique<T, K: Fn(&T) -> &str>(items: Vec<T>, key: K) -> Vec<T> {
    let twice = if items.len() <= FEW {
        items.iter().enumerate().any(|(place, item)| items[..place].iter().any(|other| key(other) == key(item)))
    } else {
        items.iter().map(&key).collect::<hashbrown::HashSet<_>>().len() < items.len()
    };
    if twice { merged(items, key) } else { items }
}

fn merged<T, K: Fn(&T) -> &str>(items: Vec<T>, key: K) -> Vec<T> {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(items.len());
    let mut result: Vec<T> = Vec::with_capacity(items.len());
    for item in items {
        match places.get(key(&item)) {
            Some(&place) => result[place] = item,
            None => {
                places.insert(key(&item).to_owned(), result.len());
                result.push(item);
            }
        }
    }
    result
}
