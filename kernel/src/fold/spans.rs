//! The spans of a round as the fold looks at them: columns by the names of `pipeline/summaries/facts.py`.

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float64Type, Int64Type, UInt8Type, UInt16Type, UInt64Type};
use arrow_array::{Array, MapArray, PrimitiveArray, StringArray, StructArray};

/// A column that is missing, or of another type.
#[derive(Debug)]
pub struct Unfit(pub &'static str);

pub struct Spans {
    pub project: StringArray,
    pub trace_id: StringArray,
    pub span_id: StringArray,
    pub parent_id: StringArray,
    pub kind: StringArray,
    pub types: StringArray,
    pub status: StringArray,
    pub thread_key: StringArray,
    pub parent_thread_key: StringArray,
    pub tool_name: StringArray,
    pub tool_call_id: StringArray,
    pub mcp_id: StringArray,
    pub agent_name: StringArray,
    pub model: StringArray,
    pub provider: StringArray,
    pub user_id: StringArray,
    pub error_type: StringArray,
    pub error_message: StringArray,
    pub user_input: StringArray,
    pub name: StringArray,
    pub service: StringArray,
    pub environment: StringArray,
    pub service_version: StringArray,
    pub host: StringArray,
    pub input: StringArray,
    pub attributes: MapArray,
    pub started: PrimitiveArray<Int64Type>,
    pub received: PrimitiveArray<Int64Type>,
    pub duration: PrimitiveArray<UInt64Type>,
    pub form: PrimitiveArray<UInt64Type>,
    pub input_tokens: PrimitiveArray<UInt64Type>,
    pub output_tokens: PrimitiveArray<UInt64Type>,
    pub cache_read_tokens: PrimitiveArray<UInt64Type>,
    pub cache_write_tokens: PrimitiveArray<UInt64Type>,
    pub memory_bytes: PrimitiveArray<UInt64Type>,
    pub retention_days: PrimitiveArray<UInt16Type>,
    pub thread_rank: PrimitiveArray<UInt8Type>,
    pub is_final: PrimitiveArray<UInt8Type>,
    pub has_messages: PrimitiveArray<UInt8Type>,
    pub cost_usd: PrimitiveArray<Float64Type>,
    pub cpu_utilization: PrimitiveArray<Float64Type>,
}

impl Spans {
    pub fn of(rows: &StructArray) -> Result<Self, Unfit> {
        Ok(Spans {
            project: text(rows, "project")?,
            trace_id: text(rows, "trace_id")?,
            span_id: text(rows, "span_id")?,
            parent_id: text(rows, "parent_id")?,
            kind: text(rows, "kind")?,
            types: text(rows, "type")?,
            status: text(rows, "status")?,
            thread_key: text(rows, "thread_key")?,
            parent_thread_key: text(rows, "parent_thread_key")?,
            tool_name: text(rows, "tool_name")?,
            tool_call_id: text(rows, "tool_call_id")?,
            mcp_id: text(rows, "mcp_id")?,
            agent_name: text(rows, "agent_name")?,
            model: text(rows, "model")?,
            provider: text(rows, "provider")?,
            user_id: text(rows, "user_id")?,
            error_type: text(rows, "error_type")?,
            error_message: text(rows, "error_message")?,
            user_input: text(rows, "user_input")?,
            name: text(rows, "name")?,
            service: text(rows, "service")?,
            environment: text(rows, "environment")?,
            service_version: text(rows, "service_version")?,
            host: text(rows, "host")?,
            input: text(rows, "input")?,
            attributes: rows.column_by_name("attributes").and_then(|column| column.as_map_opt()).cloned().ok_or(Unfit("attributes"))?,
            started: number(rows, "started")?,
            received: number(rows, "received_ns")?,
            duration: number(rows, "duration")?,
            form: number(rows, "form")?,
            input_tokens: number(rows, "input_tokens")?,
            output_tokens: number(rows, "output_tokens")?,
            cache_read_tokens: number(rows, "cache_read_tokens")?,
            cache_write_tokens: number(rows, "cache_write_tokens")?,
            memory_bytes: number(rows, "memory_bytes")?,
            retention_days: number(rows, "retention_days")?,
            thread_rank: number(rows, "thread_rank")?,
            is_final: number(rows, "final")?,
            has_messages: number(rows, "has_messages")?,
            cost_usd: number(rows, "cost_usd")?,
            cpu_utilization: number(rows, "cpu_utilization")?,
        })
    }

    /// When a span ended, in nanoseconds since 1970; senders may claim durations that no time holds.
    pub fn end(&self, row: usize) -> i64 {
        i64::try_from(i128::from(self.started.value(row)) + i128::from(self.duration.value(row))).unwrap_or(i64::MAX)
    }

    /// Rows in the order in which a trace is told.
    pub fn place(&self, row: usize) -> (i64, &str) {
        (self.started.value(row), self.span_id.value(row))
    }

    pub fn is(&self, row: usize, kind: &str) -> bool {
        self.types.value(row) == kind
    }
}

fn text(rows: &StructArray, name: &'static str) -> Result<StringArray, Unfit> {
    rows.column_by_name(name).and_then(|column| column.as_string_opt::<i32>()).cloned().ok_or(Unfit(name))
}

fn number<T: ArrowPrimitiveType>(rows: &StructArray, name: &'static str) -> Result<PrimitiveArray<T>, Unfit> {
    rows.column_by_name(name).and_then(|column| column.as_primitive_opt::<T>()).cloned().ok_or(Unfit(name))
}

/// The value, or None where it is null.
pub fn maybe<T: ArrowPrimitiveType>(column: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    column.is_valid(row).then(|| column.value(row))
}

/// The first value in these rows that says something, or "".
pub fn first(column: &StringArray, rows: impl IntoIterator<Item = usize>) -> &str {
    rows.into_iter().map(|row| column.value(row)).find(|said| !said.is_empty()).unwrap_or("")
}
