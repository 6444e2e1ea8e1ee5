//! OTLP's `AnyValue` as the text that the tables hold, letter for letter as `pipeline/values.py` writes it.

use std::borrow::Cow;
use std::io::Write;

use crate::json;
use crate::unique::unique;
use crate::wire::{Fields, NotMine, Read, Value, text};

/// Protobuf's own parser stops at 100 nested messages, and the reference repairs what is deeper.
const DEEPEST: usize = 90;
/// Messages around an attribute's value: request, resource, scope, span, event, attribute.
pub const AROUND: usize = 6;

enum Any<'a> {
    Nothing,
    Text(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    List(&'a [u8]),
    Map(&'a [u8]),
}

/// The one field that an `AnyValue` has; two would have to be merged.
fn any(bytes: &[u8]) -> Read<Any<'_>> {
    let mut fields = Fields::of(bytes);
    let Some(field) = fields.next()? else {
        return Ok(Any::Nothing);
    };
    if fields.next()?.is_some() {
        return Err(NotMine);
    }
    Ok(match field {
        (1, Value::Bytes(said)) => Any::Text(text(said)?),
        (2, Value::Varint(said)) => Any::Bool(said != 0),
        (3, Value::Varint(said)) => Any::Int(said.cast_signed()),
        (4, Value::Fixed64(said)) => Any::Double(f64::from_bits(said)),
        (5, Value::Bytes(said)) => Any::List(said),
        (6, Value::Bytes(said)) => Any::Map(said),
        (7, Value::Bytes(said)) => Any::Bytes(said),
        _ => return Err(NotMine),
    })
}

/// The value as text; scalars plainly, what is nested as JSON, nothing as ''.
pub fn value_text(bytes: &[u8]) -> Read<Cow<'_, str>> {
    Ok(match any(bytes)? {
        Any::Nothing => Cow::Borrowed(""),
        Any::Text(said) => Cow::Borrowed(said),
        Any::Bool(said) => Cow::Borrowed(if said { "true" } else { "false" }),
        Any::Int(said) => Cow::Owned(said.to_string()),
        Any::Double(said) => Cow::Owned(python_float(said)),
        nested => {
            let mut out = Vec::with_capacity(bytes.len() * 2);
            write_json(&nested, AROUND + 1, &mut out)?;
            Cow::Owned(String::from_utf8(out).map_err(|_| NotMine)?)
        }
    })
}

fn write_json(value: &Any, depth: usize, out: &mut Vec<u8>) -> Read<()> {
    if depth > DEEPEST {
        return Err(NotMine);
    }
    match value {
        Any::Nothing => out.extend_from_slice(b"null"),
        Any::Text(said) => json::write_text(said, out),
        Any::Bool(said) => out.extend_from_slice(if *said { b"true" } else { b"false" }),
        Any::Int(said) => write!(out, "{said}").map_err(|_| NotMine)?,
        Any::Double(said) => json::write_float(*said, out),
        Any::Bytes(said) => json::write_text(&hex(said), out),
        Any::List(said) => write_list(said, depth, out)?,
        Any::Map(said) => write_map(said, depth, out)?,
    }
    Ok(())
}

fn write_list(bytes: &[u8], depth: usize, out: &mut Vec<u8>) -> Read<()> {
    out.push(b'[');
    let (mut fields, mut first) = (Fields::of(bytes), true);
    while let Some(field) = fields.next()? {
        let (1, Value::Bytes(item)) = field else {
            return Err(NotMine);
        };
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        write_json(&any(item)?, depth + 2, out)?;
    }
    out.push(b']');
    Ok(())
}

fn write_map(bytes: &[u8], depth: usize, out: &mut Vec<u8>) -> Read<()> {
    let (mut fields, mut entries) = (Fields::of(bytes), Vec::new());
    while let Some(field) = fields.next()? {
        let (1, Value::Bytes(item)) = field else {
            return Err(NotMine);
        };
        let (key, value) = key_value(item)?;
        let mut written = Vec::new();
        write_json(&value.map_or(Ok(Any::Nothing), any)?, depth + 3, &mut written)?;
        entries.push((key, written));
    }
    out.push(b'{');
    for (place, (key, written)) in unique(entries, |entry| entry.0).into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        json::write_text(key, out);
        out.push(b':');
        out.extend_from_slice(&written);
    }
    out.push(b'}');
    Ok(())
}

/// Key and value, not read yet, of a `KeyValue`.
pub fn key_value(bytes: &[u8]) -> Read<(&str, Option<&[u8]>)> {
    let (mut fields, mut key, mut value) = (Fields::of(bytes), "", None);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(said)) => key = text(said)?,
            (2, Value::Bytes(said)) if value.is_none() => value = Some(said),
            _ => return Err(NotMine),
        }
    }
    Ok((key, value))
}

pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |four: u8| char::from(DIGITS[usize::from(four)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// `repr` of a Python float: the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on.
///
/// Of two equally near ones the digits are those of the JSON writer, which takes the even one as Python does.
fn python_float(value: f64) -> String {
    if !value.is_finite() {
        let name = if value.is_nan() { "nan" } else { "inf" };
        return if value < 0.0 { format!("-{name}") } else { name.to_owned() };
    }
    let mut written = Vec::with_capacity(24);
    json::write_float(value.abs(), &mut written);
    let written = String::from_utf8_lossy(&written);
    let (number, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    let leading = all.len() - digits.len();
    // Where the point stands in `digits`.
    let point = exponent.parse::<i32>().unwrap_or(0) + whole.len() as i32 - leading as i32;
    let sign = if value.is_sign_negative() { "-" } else { "" };
    format!("{sign}{}", placed(digits.trim_end_matches('0'), point))
}

/// `digits` without zeros around them, with a point after so many of them.
fn placed(digits: &str, point: i32) -> String {
    if digits.is_empty() {
        return "0.0".to_owned();
    }
    let length = digits.len() as i32;
    match point {
        -3..=0 => format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
        1..=16 if point < length => format!("{}.{}", &digits[..point as usize], &digits[point as usize..]),
        1..=16 => format!("{digits}{}.0", "0".repeat((point - length) as usize)),
        _ => {
            let (first, rest) = digits.split_at(1);
            let point_and_rest = if rest.is_empty() { String::new() } else { format!(".{rest}") };
            let sign = if point > 0 { '+' } else { '-' };
            format!("{first}{point_and_rest}e{sign}{:02}", (point - 1).abs())
        }
    }
}
