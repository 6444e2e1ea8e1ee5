//! Columns under construction, flat as Arrow wants them, and their arrays.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, ListArray, MapArray, StringArray, StructArray, TimestampNanosecondArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Fields};

/// More text than offsets of 32 bits reach, or a number its column cannot hold.
#[derive(Debug)]
pub struct TooLarge;

pub type Put<T> = Result<T, TooLarge>;

fn end_of(length: usize) -> Put<i32> {
    i32::try_from(length).map_err(|_| TooLarge)
}

/// The ends of what lies flat elsewhere: of texts, lists, maps.
struct Ends(Vec<i32>);

impl Ends {
    fn new() -> Self {
        Ends(vec![0])
    }

    fn len(&self) -> usize {
        self.0.len() - 1
    }

    fn push(&mut self, length: usize) -> Put<()> {
        self.0.push(end_of(length)?);
        Ok(())
    }

    fn last(&self) -> i32 {
        self.0[self.0.len() - 1]
    }

    fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.0[row] as usize..self.0[row + 1] as usize
    }

    fn pad(&mut self, rows: usize) {
        self.0.resize(rows + 1, self.last());
    }

    fn finish(self) -> OffsetBuffer<i32> {
        OffsetBuffer::new(ScalarBuffer::from(self.0))
    }
}

pub struct TextColumn {
    data: Vec<u8>,
    ends: Ends,
}

impl TextColumn {
    pub fn new() -> Self {
        TextColumn { data: Vec::new(), ends: Ends::new() }
    }

    pub fn push(&mut self, said: &str) -> Put<()> {
        self.data.extend_from_slice(said.as_bytes());
        self.ends.push(self.data.len())
    }

    pub fn push_hex(&mut self, bytes: &[u8]) -> Put<()> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.data.extend(bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]));
        self.ends.push(self.data.len())
    }

    /// Sets the value of a row that is not there yet; rows before it are empty.
    pub fn put(&mut self, row: usize, said: &str) -> Put<()> {
        self.ends.pad(row);
        self.push(said)
    }

    pub fn pad(&mut self, rows: usize) {
        self.ends.pad(rows);
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Each row as often as `counts` says.
    pub fn spread(&self, counts: &[usize]) -> Put<Self> {
        let total: usize = counts.iter().enumerate().map(|(row, count)| self.ends.range(row).len().saturating_mul(*count)).sum();
        end_of(total)?;
        let mut result = TextColumn { data: Vec::with_capacity(total), ends: Ends(Vec::with_capacity(counts.iter().sum::<usize>() + 1)) };
        result.ends.0.push(0);
        for (row, &count) in counts.iter().enumerate() {
            let said = &self.data[self.ends.range(row)];
            for _ in 0..count {
                result.data.extend_from_slice(said);
                result.ends.push(result.data.len())?;
            }
        }
        Ok(result)
    }

    pub fn finish(self) -> StringArray {
        StringArray::new(self.ends.finish(), Buffer::from_vec(self.data), None)
    }
}

/// A column of text maps.
pub struct MapColumn {
    keys: TextColumn,
    values: TextColumn,
    ends: Ends,
}

impl MapColumn {
    pub fn new() -> Self {
        MapColumn { keys: TextColumn::new(), values: TextColumn::new(), ends: Ends::new() }
    }

    pub fn entry(&mut self, key: &str, value: &str) -> Put<()> {
        self.keys.push(key)?;
        self.values.push(value)
    }

    /// The row that ends here.
    pub fn end(&mut self) -> Put<()> {
        self.ends.push(self.keys.len())
    }

    /// Each row as often as `counts` says.
    pub fn spread(&self, counts: &[usize]) -> Put<Self> {
        let mut entries = Vec::new();
        let mut ends = Ends::new();
        for (row, &count) in counts.iter().enumerate() {
            for _ in 0..count {
                entries.extend(self.ends.range(row));
                ends.push(entries.len())?;
            }
        }
        Ok(MapColumn { keys: gathered(&self.keys, &entries)?, values: gathered(&self.values, &entries)?, ends })
    }

    pub fn finish(self) -> MapArray {
        let fields = Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)]);
        let columns: Vec<ArrayRef> = vec![Arc::new(self.keys.finish()), Arc::new(self.values.finish())];
        let entries = StructArray::new(fields.clone(), columns, None);
        let field = Arc::new(Field::new("entries", DataType::Struct(fields), false));
        MapArray::new(field, self.ends.finish(), entries, None, false)
    }
}

fn gathered(column: &TextColumn, rows: &[usize]) -> Put<TextColumn> {
    let mut result = TextColumn::new();
    for &row in rows {
        result.data.extend_from_slice(&column.data[column.ends.range(row)]);
        result.ends.push(result.data.len())?;
    }
    Ok(result)
}

/// Where the lists of a column end; its items are kept by the caller, flat.
pub struct ListColumn(Ends);

impl ListColumn {
    pub fn new() -> Self {
        ListColumn(Ends::new())
    }

    pub fn end(&mut self, length: usize) -> Put<()> {
        self.0.push(length)
    }

    pub fn finish(&self, items: ArrayRef) -> ArrayRef {
        let field = Arc::new(Field::new("item", items.data_type().clone(), true));
        let ends = OffsetBuffer::new(ScalarBuffer::from(self.0.0.clone()));
        Arc::new(ListArray::new(field, ends, items, None))
    }
}

/// What a signed 64-bit number cannot hold is capped.
pub fn capped(nanoseconds: u64) -> i64 {
    i64::try_from(nanoseconds).unwrap_or(i64::MAX)
}

pub fn times(nanoseconds: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from(nanoseconds).with_timezone("UTC"))
}

pub fn each<T: Copy>(values: &[T], counts: &[usize]) -> Vec<T> {
    values.iter().zip(counts).flat_map(|(&value, &count)| std::iter::repeat_n(value, count)).collect()
}
