//! Messages and bodies that a batch may bring: which of them the store lacks, Python's memory of it decides.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, FixedSizeBinaryArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array};
use arrow_buffer::Buffer;
use hashbrown::hash_map::EntryRef;
use hashbrown::{HashMap, HashSet};

use crate::columns::{Put, TextColumn, TooLarge, times};
use crate::histories::end_of;
use crate::messages::{Content, HASH_BYTES, Hash, digest};
use crate::table::Table;
use crate::tables::{Limits, Tables};
use crate::value::hex;

/// Where in the batch something stands.
#[derive(Clone, Copy)]
pub struct Here {
    pub project: usize,
    pub request: usize,
}

pub enum Body {
    Content(Arc<Content>),
    Item(Vec<u8>),
    List(Vec<u8>),
}

impl Body {
    fn bytes(&self) -> &[u8] {
        match self {
            Body::Content(content) => &content.body,
            Body::Item(bytes) | Body::List(bytes) => bytes,
        }
    }
}

/// A message that is stored unless the store is known to have it, said at `at` (ns) or before.
pub struct Message {
    pub thread: usize,
    pub trace: usize,
    pub step: usize,
    pub source: usize,
    pub position: u32,
    pub occurrence: u16,
    pub at: u64,
    pub content: Arc<Content>,
}

pub struct Candidate {
    pub here: Here,
    pub key: Hash,
    pub body: Body,
    /// The body comes with a message, and only if that is stored.
    pub message: Option<Message>,
}

/// Project, thread, hash (which covers the role), occurrence.
type Identity = (usize, usize, Hash, u16);

#[derive(Default)]
pub struct Candidates {
    pub all: Vec<Candidate>,
    pub texts: Interned,
    earliest: HashMap<Identity, u64>,
    tried: HashSet<(usize, Hash)>,
}

/// Texts by number.
#[derive(Default)]
pub struct Interned {
    numbers: HashMap<String, usize>,
    pub texts: Vec<String>,
}

impl Interned {
    pub fn number(&mut self, text: &str) -> usize {
        match self.numbers.entry_ref(text) {
            EntryRef::Occupied(found) => *found.get(),
            EntryRef::Vacant(free) => {
                let number = self.texts.len();
                self.texts.push(text.to_owned());
                free.insert(number);
                number
            }
        }
    }
}

/// What a call's messages stand in; thread, trace and step are numbers of texts.
pub struct Call {
    pub here: Here,
    pub thread: usize,
    pub trace: usize,
    pub step: usize,
    pub start: u64,
    pub end: u64,
}

/// The place of a message in its call: runs over all of the call's attributes.
#[derive(Default)]
pub struct Counted {
    position: u32,
    times: HashMap<Hash, u16>,
}

impl Candidates {
    /// A text to store by content; returns the reference that stands for it.
    pub fn text(&mut self, here: Here, value: &str) -> String {
        let key = digest(value.as_bytes());
        let reference = format!("item:{}", hex(&key));
        self.body(here, key, || Body::Item(value.as_bytes().to_vec()));
        reference
    }

    fn body(&mut self, here: Here, key: Hash, body: impl FnOnce() -> Body) {
        if self.tried.insert((here.project, key)) {
            self.all.push(Candidate { here, key, body: body(), message: None });
        }
    }

    /// A long text to store in pieces; returns the reference that stands for it.
    pub fn pieces(&mut self, here: Here, value: &str, limits: &Limits) -> String {
        let (mut keys, mut rest) = (Vec::new(), value);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(end_of(rest, limits.piece).unwrap_or(rest.len()));
            let key = digest(piece.as_bytes());
            self.body(here, key, || Body::Item(piece.as_bytes().to_vec()));
            keys.push(key);
            rest = after;
        }
        format!("text:{}", self.listed(here, &keys, limits))
    }

    /// One attribute's messages; returns the reference that stands for them.
    pub fn messages(&mut self, call: &Call, source: usize, contents: &[Arc<Content>], counted: &mut Counted, tables: &Tables) -> String {
        let at = if tables.messages[source].direction == "input" { call.start } else { call.end }.min(i64::MAX.cast_unsigned());
        for content in contents {
            let occurrence = counted.times.entry(content.hash).or_insert(0);
            *occurrence = occurrence.saturating_add(1).min(tables.limits.most_equal);
            let identity = (call.here.project, call.thread, content.hash, *occurrence);
            if self.is_earlier(identity, at) {
                self.all.push(Candidate {
                    here: call.here,
                    key: content.hash,
                    body: Body::Content(content.clone()),
                    message: Some(call.message(source, identity.3, at, counted.position, content)),
                });
            }
            counted.position += 1;
        }
        let keys: Vec<Hash> = contents.iter().map(|content| content.hash).collect();
        format!("list:{}", self.listed(call.here, &keys, &tables.limits))
    }

    fn is_earlier(&mut self, identity: Identity, at: u64) -> bool {
        let earliest = self.earliest.entry(identity).or_insert(u64::MAX);
        let is = at < *earliest;
        *earliest = at.min(*earliest);
        is
    }

    /// Hashes as text; full blocks of them are bodies of their own.
    fn listed(&mut self, here: Here, keys: &[Hash], limits: &Limits) -> String {
        let blocks = keys.chunks_exact(limits.block);
        let rest = blocks.remainder().iter().map(|key| hex(key));
        let mut names = Vec::new();
        for block in blocks {
            let body = block.concat();
            let key = digest(&body);
            names.push(format!("*{}", hex(&key)));
            self.body(here, key, || Body::List(body));
        }
        names.extend(rest);
        names.join(",")
    }
}

impl Call {
    fn message(&self, source: usize, occurrence: u16, at: u64, position: u32, content: &Arc<Content>) -> Message {
        let (thread, trace, step) = (self.thread, self.trace, self.step);
        Message { thread, trace, step, source, position, occurrence, at, content: content.clone() }
    }
}

/// What of a request its rows need.
#[derive(Clone, Copy)]
pub struct Envelope {
    pub received: i64,
    pub partition: u16,
    pub offset: u64,
}

/// What all rows of messages and bodies draw from.
pub struct Around<'a> {
    pub tables: &'a Tables,
    pub texts: &'a [String],
    pub projects: &'a [String],
    pub retention: &'a [u16],
    pub envelopes: &'a [Envelope],
}

pub fn body_table(chosen: &[&Candidate], around: &Around) -> Put<Table> {
    let (mut project, mut kind) = (TextColumn::new(), TextColumn::new());
    let mut received = Vec::with_capacity(chosen.len());
    for one in chosen {
        project.push(&around.projects[one.here.project])?;
        kind.push(if matches!(one.body, Body::List(_)) { "list" } else { "item" })?;
        let seconds = around.envelopes[one.here.request].received.div_euclid(1_000_000_000);
        received.push(u32::try_from(seconds).map_err(|_| TooLarge)?);
    }
    if chosen.iter().map(|one| one.body.bytes().len()).sum::<usize>() > i32::MAX as usize {
        return Err(TooLarge);
    }
    let bodies = BinaryArray::from_iter_values(chosen.iter().map(|one| one.body.bytes()));
    Ok(Table(vec![
        ("project".into(), Arc::new(project.finish())),
        ("hash".into(), hashes(chosen.iter().map(|one| one.key))),
        ("kind".into(), Arc::new(kind.finish())),
        ("body".into(), Arc::new(bodies)),
        ("received".into(), Arc::new(UInt32Array::from(received))),
        ("retention_days".into(), Arc::new(retention(chosen, around))),
    ]))
}

pub fn message_table(chosen: &[(&Candidate, &Message)], around: &Around) -> Put<Table> {
    let text = |value: &dyn Fn(&Candidate, &Message) -> String| -> Put<ArrayRef> {
        let mut column = TextColumn::new();
        for (one, message) in chosen {
            column.push(&value(one, message))?;
        }
        Ok(Arc::new(column.finish()))
    };
    let envelope = |one: &Candidate| around.envelopes[one.here.request];
    let sources = &around.tables.messages;
    let version = around.tables.limits.earliest_wins;
    let candidates: Vec<&Candidate> = chosen.iter().map(|(one, _)| *one).collect();
    Ok(Table(vec![
        ("project".into(), text(&|one, _| around.projects[one.here.project].clone())?),
        ("thread_id".into(), text(&|_, message| around.texts[message.thread].clone())?),
        ("role".into(), text(&|_, message| message.content.role.clone())?),
        ("content_hash".into(), hashes(candidates.iter().map(|one| one.key))),
        ("occurrence".into(), Arc::new(UInt16Array::from_iter_values(chosen.iter().map(|(_, message)| message.occurrence)))),
        ("trace_id".into(), text(&|_, message| around.texts[message.trace].clone())?),
        ("step_id".into(), text(&|_, message| around.texts[message.step].clone())?),
        ("direction".into(), text(&|_, message| sources[message.source].direction.clone())?),
        ("position".into(), Arc::new(UInt32Array::from_iter_values(chosen.iter().map(|(_, message)| message.position)))),
        ("tool_call_id".into(), text(&|_, message| message.content.call_id.clone())?),
        ("tool_name".into(), text(&|_, message| message.content.tool_name.clone())?),
        ("finish_reason".into(), text(&|_, message| message.content.finish_reason.clone())?),
        ("log_partition".into(), Arc::new(UInt16Array::from_iter_values(candidates.iter().map(|one| envelope(one).partition)))),
        ("log_offset".into(), Arc::new(UInt64Array::from_iter_values(candidates.iter().map(|one| envelope(one).offset)))),
        ("retention_days".into(), Arc::new(retention(&candidates, around))),
        ("version".into(), Arc::new(UInt64Array::from_iter_values(chosen.iter().map(|(_, message)| version - message.at)))),
        ("is_deleted".into(), Arc::new(UInt8Array::from(vec![0; chosen.len()]))),
        ("timestamp".into(), times(chosen.iter().map(|(_, message)| message.at.cast_signed()).collect())),
        ("received".into(), times(candidates.iter().map(|one| envelope(one).received).collect())),
    ]))
}

fn retention(chosen: &[&Candidate], around: &Around) -> UInt16Array {
    UInt16Array::from_iter_values(chosen.iter().map(|one| around.retention[one.here.project]))
}

fn hashes(keys: impl Iterator<Item = Hash>) -> ArrayRef {
    let bytes: Vec<u8> = keys.flatten().collect();
    Arc::new(FixedSizeBinaryArray::new(HASH_BYTES as i32, Buffer::from_vec(bytes), None))
}
