//! JSON as a tree that can also hold what JSON cannot: members that stand twice, numbers of any size, bytes that are no
//! text.

use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Object(Vec<(Vec<u8>, Node)>),
    List(Vec<Node>),
    Text(String),
    /// Written as it is: numbers, `true`, `null`, and anything hostile.
    Raw(Vec<u8>),
}

/// Where a node is, and what a reader would call that place.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) steps: Vec<usize>,
    pub(crate) name: String,
}

impl Node {
    pub(crate) fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Value>(json).ok().map(|value| Self::from_value(&value))
    }

    fn from_value(value: &Value) -> Self {
        match value {
            Value::Object(members) => {
                Self::Object(members.iter().map(|(k, v)| (k.clone().into_bytes(), Self::from_value(v))).collect())
            }
            Value::Array(list) => Self::List(list.iter().map(Self::from_value).collect()),
            Value::String(text) => Self::Text(text.clone()),
            other => Self::raw(&other.to_string()),
        }
    }

    pub(crate) fn raw(text: &str) -> Self {
        Self::Raw(text.as_bytes().to_vec())
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Raw(bytes) => out.extend(bytes),
            Self::Text(text) => out.extend(serde_json::to_vec(text).unwrap()),
            Self::List(list) => {
                out.push(b'[');
                for (i, node) in list.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    node.write(out);
                }
                out.push(b']');
            }
            Self::Object(members) => {
                out.push(b'{');
                for (i, (key, node)) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    out.push(b'"');
                    out.extend(key);
                    out.extend(b"\":");
                    node.write(out);
                }
                out.push(b'}');
            }
        }
    }

    fn children(&self) -> Vec<&Self> {
        match self {
            Self::Object(members) => members.iter().map(|(_, node)| node).collect(),
            Self::List(list) => list.iter().collect(),
            _ => Vec::new(),
        }
    }

    fn child_mut(&mut self, i: usize) -> Option<&mut Self> {
        match self {
            Self::Object(members) => members.get_mut(i).map(|(_, node)| node),
            Self::List(list) => list.get_mut(i),
            _ => None,
        }
    }

    pub(crate) fn at(&self, steps: &[usize]) -> Option<&Self> {
        steps.iter().try_fold(self, |node, i| node.children().get(*i).copied())
    }

    pub(crate) fn at_mut(&mut self, steps: &[usize]) -> Option<&mut Self> {
        steps.iter().try_fold(self, |node, i| node.child_mut(*i))
    }

    /// The node with the names of `name`, the first of every list.
    pub(crate) fn named(&self, name: &str) -> Option<Place> {
        self.places().into_iter().find(|place| place.name == name)
    }

    /// Where every node is but this one itself.
    pub(crate) fn places(&self) -> Vec<Place> {
        let mut all = Vec::new();
        self.collect(&Place { steps: Vec::new(), name: String::new() }, &mut all);
        all
    }

    fn collect(&self, own: &Place, all: &mut Vec<Place>) {
        let name = |i: usize| match self {
            Self::Object(members) => {
                let key = String::from_utf8_lossy(&members[i].0).into_owned();
                if own.name.is_empty() { key } else { format!("{}.{key}", own.name) }
            }
            _ => format!("{}[]", own.name),
        };
        for (i, child) in self.children().into_iter().enumerate() {
            let place = Place { steps: [own.steps.as_slice(), &[i]].concat(), name: name(i) };
            all.push(place.clone());
            child.collect(&place, all);
        }
    }
}
