//! One table's columns on their way to Python, over Arrow's C data interface: nothing is copied.

use arrow_array::ffi::to_ffi;
use arrow_array::{Array, ArrayRef, StructArray};
use arrow_schema::{Field, Fields};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

pub struct Table(pub Vec<(String, ArrayRef)>);

impl Table {
    fn rows(self) -> StructArray {
        let (names, arrays): (Vec<_>, Vec<_>) = self.0.into_iter().unzip();
        let fields: Fields =
            names.into_iter().zip(&arrays).map(|(name, array)| Field::new(name, array.data_type().clone(), true)).collect();
        StructArray::new(fields, arrays, None)
    }
}

/// What `pyarrow.record_batch` takes.
#[pyclass(frozen)]
pub struct Batch(StructArray);

impl Batch {
    pub fn of(table: Table) -> Self {
        Batch(table.rows())
    }
}

#[pymethods]
impl Batch {
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        drop(requested_schema); // allowed by the protocol: a wish, not an order
        let (array, schema) = to_ffi(&self.0.to_data()).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let schema = PyCapsule::new_with_value(py, schema, c"arrow_schema")?;
        let array = PyCapsule::new_with_value(py, array, c"arrow_array")?;
        Ok((schema, array))
    }
}
