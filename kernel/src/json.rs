//! JSON as the reference's library writes it, so that equal contents have equal hashes.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::wire::{NotMine, Read};

pub fn write_text(said: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, said).expect("writing to memory does not fail");
}

/// What JSON cannot say is null.
pub fn write_float(value: f64, out: &mut Vec<u8>) {
    serde_json::to_writer(out, &value).expect("writing to memory does not fail");
}

/// Compact, keys sorted.
pub fn write(value: &serde_json::Value, out: &mut Vec<u8>) -> Read<()> {
    value.serialize(&mut Serializer::with_formatter(out, Compact)).map_err(|_| NotMine)
}

struct Compact;

impl Formatter for Compact {
    /// `-0` and `-0.0` are one here and two in the reference.
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        if value == 0.0 && value.is_sign_negative() {
            return Err(io::Error::other("a negative zero"));
        }
        serde_json::ser::CompactFormatter.write_f64(writer, value)
    }
}
