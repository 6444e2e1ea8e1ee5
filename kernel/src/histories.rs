//! Attributes in which a sender repeats all that was said before, taken out of the span's own: `pipeline/dialects/histories.py`.

use std::borrow::Cow;

use crate::json::write_text;
use crate::otlp::{Attribute, Attributes};
use crate::tables::{Dialect, Rule, Tables};

/// A text to store in pieces, and the name of the attribute whose reference stands for it.
pub type Kept<'a> = (String, Cow<'a, str>);

/// Takes long histories out of the attributes.
pub fn put_away<'a>(found: &mut Attributes<'a>, dialect: &Dialect, tables: &Tables) -> Vec<Kept<'a>> {
    let mut kept = Vec::new();
    let length = tables.limits.history_length;
    let is_spoken = found.has(Rule::InputMessages) || found.has(Rule::OutputMessages);
    for name in &dialect.histories {
        let Some(place) = found.0.iter().position(|one| one.key == name.as_str()) else {
            continue;
        };
        let Some(end) = end_of(&found.0[place].value, length) else {
            continue;
        };
        let value = if is_spoken {
            found.0.remove(place).value
        } else {
            let shown = Cow::Owned(found.0[place].value[..end].to_owned());
            std::mem::replace(&mut found.0[place].value, shown)
        };
        kept.push((name.clone(), value));
    }
    for beginning in &dialect.beginnings {
        kept.extend(all_of(found, beginning, length));
    }
    kept
}

/// Where a text of more than so many characters is cut off; None when it is not longer.
pub fn end_of(text: &str, characters: usize) -> Option<usize> {
    if text.len() <= characters {
        return None;
    }
    text.char_indices().nth(characters).map(|(end, _)| end)
}

/// All attributes whose names begin so, as one text: a JSON array of [name, value].
fn all_of<'a>(found: &mut Attributes<'a>, beginning: &str, length: usize) -> Option<Kept<'a>> {
    let is_inside = |one: &Attribute| one.key.starts_with(beginning);
    let inside = || found.0.iter().filter(|one| is_inside(one));
    let characters: usize = inside().map(|one| one.key.chars().count() + one.value.chars().count()).sum();
    if characters <= length {
        return None;
    }
    let mut json = Vec::with_capacity(characters + characters / 4);
    for one in inside() {
        json.extend_from_slice(if json.is_empty() { b"[[" } else { b",[" });
        write_text(&one.key, &mut json);
        json.push(b',');
        write_text(&one.value, &mut json);
        json.push(b']');
    }
    json.push(b']');
    let json = String::from_utf8(json).expect("JSON of texts is a text");
    found.0.retain(|one| !is_inside(one));
    Some((format!("{beginning}*"), Cow::Owned(json)))
}
