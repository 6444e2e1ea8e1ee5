//! Messages of model calls: from the text of an attribute to contents whose identity survives resending (`pipeline/messages.py`).

use std::sync::Arc;

use hashbrown::{Equivalent, HashMap};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::json::write;
use crate::tables::Tables;
use crate::wire::{NotMine, Read};

pub const HASH_BYTES: usize = 16;
pub type Hash = [u8; HASH_BYTES];

/// Kinds of parts that name a tool and its call.
const TOOL_PARTS: [&str; 3] = ["tool_call", "tool_call_response", "server_tool_call"];
/// JSON nested as deep as this is read by the reference only.
const DEEP: usize = 100;

/// What one message says: `body` is its JSON in canonical form, `hash` is of that.
pub struct Content {
    pub role: String,
    pub body: Vec<u8>,
    pub hash: Hash,
    pub call_id: String,
    pub tool_name: String,
    pub finish_reason: String,
    pub user_text: String,
}

pub fn digest(body: &[u8]) -> Hash {
    let hash = blake2b_simd::Params::new().hash_length(HASH_BYTES).hash(body);
    let mut result = Hash::default();
    result.copy_from_slice(hash.as_bytes());
    result
}

/// The raw text of an entry, and what it is an entry of.
#[derive(PartialEq, Eq, Hash)]
struct Key(usize, Box<str>);

#[derive(Hash)]
struct KeyRef<'a>(usize, &'a str);

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.0 == key.0 && *self.1 == *key.1
    }
}

/// Contents by the text they came as, because a call's input is most often what the calls before it sent already.
///
/// Two generations: what is asked for again moves to the younger one, the older one is forgotten as a whole.
#[derive(Default)]
pub struct Memory {
    young: HashMap<Key, Arc<Content>>,
    old: HashMap<Key, Arc<Content>>,
}

impl Memory {
    fn get(&mut self, source: usize, raw: &str) -> Option<Arc<Content>> {
        if let Some(content) = self.young.get(&KeyRef(source, raw)) {
            return Some(content.clone());
        }
        let (key, content) = self.old.remove_entry(&KeyRef(source, raw))?;
        self.young.insert(key, content.clone());
        Some(content)
    }

    fn put(&mut self, source: usize, raw: &str, content: &Arc<Content>, tables: &Tables) {
        if raw.len() > tables.limits.remembered_length {
            return;
        }
        if self.young.len() >= tables.limits.remembered / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(Key(source, raw.into()), content.clone());
    }
}

/// What became of one attribute's text.
enum Parsed<T> {
    Json(T),
    /// It is no JSON at all.
    Text,
}

fn parsed<'a, T: serde::Deserialize<'a>>(raw: &'a str) -> Read<Parsed<T>> {
    match serde_json::from_str(raw) {
        Ok(value) => Ok(Parsed::Json(value)),
        Err(_) if raw.bytes().filter(|byte| b"[{".contains(byte)).count() >= DEEP => Err(NotMine),
        Err(_) => Ok(Parsed::Text),
    }
}

/// Reads the attributes of one span; `source` is the place of an attribute among those that hold messages.
pub struct Reader<'a> {
    pub tables: &'a Tables,
    pub memory: &'a mut Memory,
}

impl Reader<'_> {
    pub fn contents(&mut self, source: usize, value: &str) -> Read<Vec<Arc<Content>>> {
        let role = &self.tables.messages[source].role;
        if role == "system"
            && let Some(content) = self.instructions(source, value)?
        {
            return Ok(vec![content]);
        }
        match value.trim_start_matches([' ', '\t', '\n', '\r']).bytes().next() {
            Some(b'[') => self.entries(source, value),
            Some(b'{' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => match parsed::<&RawValue>(value)? {
                Parsed::Json(raw) => Ok(match self.entry(source, raw.get())? {
                    Parsed::Json(content) => vec![content],
                    Parsed::Text => vec![self.text(source, value)?],
                }),
                Parsed::Text => Ok(vec![self.text(source, value)?]),
            },
            _ => Ok(vec![self.text(source, value)?]),
        }
    }

    fn entries(&mut self, source: usize, value: &str) -> Read<Vec<Arc<Content>>> {
        let Parsed::Json(raws) = parsed::<Vec<&RawValue>>(value)? else {
            return Ok(vec![self.text(source, value)?]);
        };
        let mut contents = Vec::with_capacity(raws.len());
        for raw in raws {
            match self.entry(source, raw.get())? {
                Parsed::Json(content) => contents.push(content),
                Parsed::Text => return Ok(vec![self.text(source, value)?]),
            }
        }
        Ok(contents)
    }

    fn entry(&mut self, source: usize, raw: &str) -> Read<Parsed<Arc<Content>>> {
        if let Some(content) = self.memory.get(source, raw) {
            return Ok(Parsed::Json(content));
        }
        let entry = match parsed::<Value>(raw)? {
            Parsed::Json(Value::Object(entry)) => entry,
            Parsed::Json(other) => self.around(source, vec![part(other)]),
            Parsed::Text => return Ok(Parsed::Text),
        };
        let content = Arc::new(self.content(source, entry)?);
        self.memory.put(source, raw, &content, self.tables);
        Ok(Parsed::Json(content))
    }

    /// Instructions are parts without messages around them; None when they are messages.
    fn instructions(&mut self, source: usize, value: &str) -> Read<Option<Arc<Content>>> {
        let whole = self.tables.messages.len() + source;
        if let Some(content) = self.memory.get(whole, value) {
            return Ok(Some(content));
        }
        let entries = match parsed::<Value>(value)? {
            Parsed::Json(Value::Array(entries)) => entries,
            Parsed::Json(other) => vec![other],
            Parsed::Text => vec![Value::from(value)],
        };
        if entries.iter().any(|entry| entry.get("role").is_some()) {
            return Ok(None);
        }
        let entry = self.around(source, entries.into_iter().map(part).collect());
        let content = Arc::new(self.content(source, entry)?);
        self.memory.put(whole, value, &content, self.tables);
        Ok(Some(content))
    }

    fn text(&mut self, source: usize, value: &str) -> Read<Arc<Content>> {
        if let Some(content) = self.memory.get(source, value) {
            return Ok(content);
        }
        let entry = self.around(source, vec![part(Value::from(value))]);
        let content = Arc::new(self.content(source, entry)?);
        self.memory.put(source, value, &content, self.tables);
        Ok(content)
    }

    fn around(&self, source: usize, parts: Vec<Value>) -> Map<String, Value> {
        let mut entry = Map::new();
        entry.insert("role".to_owned(), Value::from(self.tables.messages[source].role.as_str()));
        entry.insert("parts".to_owned(), Value::Array(parts));
        entry
    }

    fn content(&self, source: usize, mut entry: Map<String, Value>) -> Read<Content> {
        let named = entry.get("role").and_then(Value::as_str).filter(|named| !named.is_empty());
        let role = named.unwrap_or(&self.tables.messages[source].role);
        let role = self.role(named.is_some(), role);
        if entry.contains_key("tool_calls") && entry.get("parts").is_some_and(Value::is_array) {
            return Err(NotMine); // two forms in one
        }
        let reason = entry.get("finish_reason").and_then(Value::as_str).unwrap_or("").to_owned();
        let parts = parts(&mut entry);
        let (call_id, tool_name) = tool(&parts)?;
        let user_text =
            if role == "user" { text_of(&parts).chars().take(self.tables.limits.user_text_length).collect() } else { String::new() };
        let mut body = Vec::with_capacity(256);
        write(&json!({"parts": parts, "role": role}), &mut body)?;
        let hash = digest(&body);
        Ok(Content { role, hash, body, call_id, tool_name, finish_reason: reason, user_text })
    }

    fn role(&self, named: bool, role: &str) -> String {
        let known = if named { self.tables.words.roles.get(role) } else { None };
        known.map_or(role, String::as_str).to_owned()
    }
}

fn part(entry: Value) -> Value {
    if entry.is_object() { entry } else { json!({"type": "text", "content": entry}) }
}

fn parts(entry: &mut Map<String, Value>) -> Vec<Value> {
    if let Some(Value::Array(parts)) = entry.get_mut("parts") {
        return std::mem::take(parts);
    }
    let said = if entry.contains_key("content") { "content" } else { "parts" };
    match entry.get_mut(said).map(Value::take) {
        Some(Value::Array(items)) => items.into_iter().map(part).collect(),
        Some(Value::Null) | None => {
            entry.retain(|key, _| key != "role" && key != "finish_reason");
            vec![Value::Object(std::mem::take(entry))]
        }
        Some(content) => vec![json!({"type": "text", "content": content})],
    }
}

/// Call id and tool name of the first part that has one.
fn tool(parts: &[Value]) -> Read<(String, String)> {
    let is_tool = |part: &&Value| part.get("type").and_then(Value::as_str).is_some_and(|kind| TOOL_PARTS.contains(&kind));
    parts.iter().find(is_tool).map_or(Ok(Default::default()), |part| Ok((name(part.get("id"))?, name(part.get("name"))?)))
}

/// Names are texts; Python writes other things its own way.
fn name(value: Option<&Value>) -> Read<String> {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => Ok(String::new()),
        Some(Value::String(said)) => Ok(said.clone()),
        _ => Err(NotMine),
    }
}

fn text_of(parts: &[Value]) -> String {
    let said = parts.iter().filter_map(|part| part.get("content").or_else(|| part.get("text"))?.as_str());
    said.collect::<Vec<_>>().join("\n")
}
