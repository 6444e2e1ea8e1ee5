//! Protobuf's wire format: the fields of one message, borrowed from the bytes that came.

/// A request, or something in it, that this kernel leaves to the reference implementation.
#[derive(Debug)]
pub struct NotMine;

pub type Read<T> = Result<T, NotMine>;

pub enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32,
    Bytes(&'a [u8]),
}

/// Iterates over the fields of one message. Groups, which OTLP has none of, are not ours.
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        Fields { rest: bytes }
    }

    #[inline]
    pub fn next(&mut self) -> Read<Option<(u64, Value<'a>)>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let field = tag >> 3;
        if field == 0 || tag > u64::from(u32::MAX) {
            return Err(NotMine);
        }
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| NotMine)?;
                Value::Bytes(self.take(length)?)
            }
            5 => {
                self.array::<4>()?;
                Value::Fixed32
            }
            _ => return Err(NotMine),
        };
        Ok(Some((field, value)))
    }

    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(NotMine)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(NotMine)?;
        self.rest = rest;
        Ok(*taken)
    }

    #[inline]
    fn varint(&mut self) -> Read<u64> {
        let mut result = 0;
        for (place, &byte) in self.rest.iter().enumerate().take(10) {
            if place == 9 && byte > 1 {
                return Err(NotMine);
            }
            result |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                self.rest = &self.rest[place + 1..];
                return Ok(result);
            }
        }
        Err(NotMine)
    }
}

/// A `string` field: protobuf refuses what is no UTF-8, and the reference repairs it.
#[inline]
pub fn text(bytes: &[u8]) -> Read<&str> {
    std::str::from_utf8(bytes).map_err(|_| NotMine)
}
