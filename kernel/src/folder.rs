//! The fold, as Python calls it.

use arrow_array::StructArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyTuple};

use crate::fold::{self, Spec, TraceFold};
use crate::table;
use crate::{KernelError, caught};

/// Made once, with the numbers that rules go by.
#[pyclass(frozen)]
pub struct Folder(fold::Folder);

/// Traces as the arguments of `TraceFold`, and a row for each step: its row in the spans, then the columns `OWN`.
#[pyclass(frozen, get_all)]
pub struct Folds {
    traces: Vec<Py<PyTuple>>,
    steps: Py<table::Batch>,
}

#[pymethods]
impl Folder {
    #[new]
    fn new(spec: Spec) -> Self {
        Folder(fold::Folder::new(spec))
    }

    /// Folds those traces of `spans` (a record batch) that are touched. Raises KernelError where the reference has to.
    fn fold(&self, py: Python<'_>, spans: &Bound<'_, PyAny>, touched: Vec<(String, String)>) -> PyResult<Folds> {
        let rows = imported(spans)?;
        let folds = py.detach(|| caught(|| self.0.fold(&rows, &touched)))?.map_err(|failed| KernelError::new_err(failed.0))?;
        Ok(Folds {
            traces: folds.traces.into_iter().map(|trace| told(py, trace)).collect::<PyResult<_>>()?,
            steps: Py::new(py, table::Batch::of(folds.steps))?,
        })
    }
}

fn told(py: Python<'_>, trace: TraceFold) -> PyResult<Py<PyTuple>> {
    let TraceFold { project, trace_id, main_thread, first, steps, spans, segments, moved, marks } = trace;
    let marks = PyBytes::new(py, &marks);
    Ok((project, trace_id, main_thread, first, steps, spans, segments, moved, marks).into_pyobject(py)?.unbind())
}

/// A record batch of Python's, not copied.
fn imported(batch: &Bound<'_, PyAny>) -> PyResult<StructArray> {
    let (schema, array): (Bound<'_, PyCapsule>, Bound<'_, PyCapsule>) = batch.call_method0("__arrow_c_array__")?.extract()?;
    let schema = schema.pointer_checked(Some(c"arrow_schema"))?.cast::<FFI_ArrowSchema>();
    let array = array.pointer_checked(Some(c"arrow_array"))?.cast::<FFI_ArrowArray>();
    // SAFETY: capsules of these names hold these structures (Arrow's PyCapsule interface); both are alive here, and the array is moved
    // out, which marks the one in the capsule as released.
    let data = unsafe { from_ffi(FFI_ArrowArray::from_raw(array.as_ptr()), schema.as_ref()) };
    let data = data.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(StructArray::from(data))
}
