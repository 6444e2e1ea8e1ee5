//! A batch of requests: read and judged first, each on its own, then written to columns.

use hashbrown::HashMap;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::bodies::{Envelope, Here, Interned};
use crate::columns::Put;
use crate::facts::{Facts, facts};
use crate::histories::{Kept, put_away};
use crate::messages::{Memory, Reader};
use crate::otlp::{self, Attributes, Resource};
use crate::parts::Scope;
use crate::spans::Spans;
use crate::tables::{Rule, Tables};
use crate::value::hex;
use crate::wire::{NotMine, Read};

/// One request as the log holds it: bytes, time of receipt (ns), partition, offset, the project that its sender named or ''.
#[derive(FromPyObject)]
pub struct Given(PyBackedBytes, i64, u16, u64, String);

impl Given {
    pub fn envelope(&self) -> Envelope {
        Envelope { received: self.1, partition: self.2, offset: self.3 }
    }
}

/// A request of ours: its place among those given, its first project, its spans.
pub struct Taken {
    pub request: usize,
    pub project: Option<usize>,
    pub spans: usize,
}

pub struct Batch<'t> {
    pub spans: Spans<'t>,
    pub projects: Interned,
    pub taken: Vec<Taken>,
    /// Places of the requests that the reference has to map.
    pub left: Vec<usize>,
    /// Project, trace (a number of a text), oldest time of receipt.
    pub traces: Vec<(usize, usize, i64)>,
    touched: HashMap<(usize, usize), usize>,
}

/// A request as read from its bytes, and the project of each resource.
pub struct Request<'a> {
    pub resources: Vec<Resource<'a>>,
    pub projects: Vec<String>,
}

impl Request<'_> {
    pub fn has_foreign_spans(&self) -> bool {
        let scopes = self.resources.iter().flat_map(|resource| &resource.scopes);
        scopes.flat_map(|scope| &scope.spans).any(|span| span.is_foreign)
    }
}

pub type Parsed<'a> = Read<Request<'a>>;

/// What was found out about a span before anything of it is written.
struct Judged<'a> {
    facts: Facts,
    kept: Vec<Kept<'a>>,
}

impl<'t> Batch<'t> {
    /// `received` are the times of receipt of the requests.
    pub fn of(requests: Vec<Parsed>, received: &[i64], tables: &'t Tables, memory: &mut Memory) -> Put<Self> {
        let mut batch = Batch {
            spans: Spans::new(tables),
            projects: Interned::default(),
            taken: Vec::new(),
            left: Vec::new(),
            traces: Vec::new(),
            touched: HashMap::new(),
        };
        let mut reader = Reader { tables, memory };
        for (place, request) in requests.into_iter().enumerate() {
            let judged = request.and_then(|mut request| judge(&mut request, &mut reader).map(|judged| (request, judged)));
            match judged {
                Ok((request, judged)) => batch.put(place, received[place], &request, &judged)?,
                Err(NotMine) => batch.left.push(place),
            }
        }
        Ok(batch)
    }

    fn put(&mut self, request: usize, received: i64, read: &Request, judged: &[Judged]) -> Put<()> {
        let mut taken = Taken { request, project: None, spans: 0 };
        let mut judged = judged.iter();
        for (resource, project) in read.resources.iter().zip(&read.projects) {
            let here = Here { project: self.projects.number(project), request };
            for scope in &resource.scopes {
                taken.project.get_or_insert(here.project);
                taken.spans += scope.spans.len();
                let opened = opened(resource, scope, here, received);
                self.spans.open(&opened)?;
                for (span, judged) in scope.spans.iter().zip(&mut judged) {
                    let trace = self.spans.candidates.texts.number(&hex(span.trace_id));
                    self.touch(here.project, trace, received);
                    self.spans.add(span, &judged.facts, &judged.kept, &opened, trace)?;
                    if let Some(cover) = &span.meaning.cover {
                        let trace = self.spans.cover(span, cover, &opened)?;
                        self.touch(here.project, trace, received);
                    }
                }
            }
        }
        self.taken.push(taken);
        Ok(())
    }

    fn touch(&mut self, project: usize, trace: usize, received: i64) {
        let place = *self.touched.entry((project, trace)).or_insert_with(|| {
            self.traces.push((project, trace, received));
            self.traces.len() - 1
        });
        let oldest = &mut self.traces[place].2;
        *oldest = received.min(*oldest);
    }
}

fn opened<'a>(resource: &'a Resource, scope: &otlp::Scope<'a>, here: Here, received: i64) -> Scope<'a> {
    let found = &resource.attributes;
    let environment = found.get(Rule::Environment).filter(|said| !said.is_empty());
    let texts = [
        found.or_empty(Rule::Service),
        scope.name,
        scope.version,
        environment.unwrap_or(found.or_empty(Rule::OldEnvironment)),
        found.or_empty(Rule::ServiceVersion),
        found.or_empty(Rule::Host),
    ];
    Scope { here, received, texts, attributes: found }
}

/// Reads the whole request.
pub fn parsed<'a>(given: &'a Given, tables: &Tables) -> Parsed<'a> {
    if given.1 < 0 {
        return Err(NotMine);
    }
    let resources = otlp::request(&given.0, tables)?;
    let projects = resources.iter().map(|resource| project(&resource.attributes, &given.4, tables));
    Ok(Request { projects: projects.collect::<Read<_>>()?, resources })
}

/// Finds out, for each span, all that may turn out not to be ours, before anything is written.
fn judge<'a>(request: &mut Request<'a>, reader: &mut Reader) -> Read<Vec<Judged<'a>>> {
    let mut judged = Vec::new();
    let scopes = request.resources.iter_mut().flat_map(|resource| &mut resource.scopes);
    for span in scopes.flat_map(|scope| &mut scope.spans) {
        let kept = match span.meaning.dialect {
            Some(place) => put_away(&mut span.attributes, &reader.tables.words.dialects[place], reader.tables),
            None => Vec::new(),
        };
        let facts = facts(span, reader)?;
        judged.push(Judged { facts, kept });
    }
    Ok(judged)
}

/// As the sender named it, else as the resource does. What Python may strip otherwise than Rust is not ours.
fn project(found: &Attributes, named: &str, tables: &Tables) -> Read<String> {
    if !named.is_empty() {
        return Ok(named.to_owned());
    }
    let said = found.or_empty(Rule::Project);
    if !said.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
        return Err(NotMine);
    }
    let project = said[..said.len().min(tables.limits.project_length)].trim();
    Ok(if project.is_empty() { tables.words.default_project.clone() } else { project.to_owned() })
}
