//! Numbers out of attributes, as `pipeline/values.py` reads them.

use crate::wire::{NotMine, Read};

/// A count: what is no number, or negative, counts as 0; capped at what the column holds.
pub fn integer(said: &str) -> Read<u64> {
    const MOST: u64 = i64::MAX.cast_unsigned();
    let digits = said.strip_prefix(['+', '-']).unwrap_or(said);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: u128 = digits.parse().map_err(|_| NotMine)?;
        return Ok(if said.starts_with('-') { 0 } else { u64::try_from(number).map_or(MOST, |count| count.min(MOST)) });
    }
    let number = float(said)?.filter(|number| number.is_finite()).unwrap_or(0.0);
    Ok((number.max(0.0) as u64).min(MOST))
}

/// A measure, or None when it is not a finite number.
pub fn measure(said: &str) -> Read<Option<f64>> {
    Ok(float(said)?.filter(|number| number.is_finite()))
}

/// What Python's `float` makes of a text; texts that only Python takes for numbers ("1_000", " 7 ", "٣") are not ours.
fn float(said: &str) -> Read<Option<f64>> {
    match said {
        "" => Ok(None),
        "nan" | "inf" | "-inf" => Ok(said.parse().ok()),
        _ if said.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) => Ok(said.parse().ok()),
        _ => Err(NotMine),
    }
}
