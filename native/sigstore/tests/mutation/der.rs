//! DER as a tree of tags and values, to be changed and written again with its lengths made right, or wrong on purpose.

/// One element. What an OCTET STRING or BIT STRING holds is an element too, when it reads as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tlv {
    /// A value that is not read further.
    Value { tag: u8, bytes: Vec<u8> },
    /// A list of elements, behind `prefix` (the count of unused bits of a BIT STRING).
    List { tag: u8, prefix: Vec<u8>, items: Vec<Tlv> },
    /// Bytes to be written as they are.
    Raw(Vec<u8>),
}

impl Tlv {
    /// Reads one element that takes all of `bytes`.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut list = read_all(bytes, 0)?;
        if list.len() == 1 { list.pop() } else { None }
    }

    /// A constructed element.
    pub(crate) fn list(tag: u8, items: Vec<Self>) -> Self {
        Self::List { tag, prefix: Vec::new(), items }
    }

    /// A primitive element.
    pub(crate) fn value(tag: u8, bytes: &[u8]) -> Self {
        Self::Value { tag, bytes: bytes.to_vec() }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Raw(bytes) => bytes.clone(),
            Self::Value { tag, bytes } => tlv(*tag, bytes),
            Self::List { tag, prefix, items } => {
                let mut content = prefix.clone();
                items.iter().for_each(|item| content.extend(item.encode()));
                tlv(*tag, &content)
            }
        }
    }

    /// What is between the element's header and its end.
    pub(crate) fn content(&self) -> Vec<u8> {
        match self {
            Self::Raw(bytes) | Self::Value { bytes, .. } => bytes.clone(),
            Self::List { prefix, items, .. } => items.iter().fold(prefix.clone(), |mut all, item| {
                all.extend(item.encode());
                all
            }),
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        if let Self::List { items, .. } = self { items } else { &[] }
    }

    pub(crate) fn tag(&self) -> u8 {
        match self {
            Self::Value { tag, .. } | Self::List { tag, .. } => *tag,
            Self::Raw(_) => 0,
        }
    }

    /// Where every element is, as steps from this one; this one first.
    pub(crate) fn places(&self) -> Vec<Vec<usize>> {
        let mut all = vec![Vec::new()];
        for (i, item) in self.items().iter().enumerate() {
            all.extend(item.places().into_iter().map(|place| [vec![i], place].concat()));
        }
        all
    }

    pub(crate) fn at(&self, place: &[usize]) -> Option<&Self> {
        place.iter().try_fold(self, |tlv, i| tlv.items().get(*i))
    }

    pub(crate) fn at_mut(&mut self, place: &[usize]) -> Option<&mut Self> {
        place.iter().try_fold(self, |tlv, i| if let Self::List { items, .. } = tlv { items.get_mut(*i) } else { None })
    }
}

fn read_all(mut bytes: &[u8], depth: usize) -> Option<Vec<Tlv>> {
    let mut list = Vec::new();
    while !bytes.is_empty() {
        let (tag, content, rest) = split(bytes)?;
        list.push(read(tag, content, depth));
        bytes = rest;
    }
    Some(list)
}

fn read(tag: u8, content: &[u8], depth: usize) -> Tlv {
    const OCTETS: u8 = 0x04;
    const BITS: u8 = 0x03;
    let (prefix, inner) = match tag {
        BITS if content.first() == Some(&0) => content.split_at(1),
        _ => content.split_at(0),
    };
    let may_hold = tag & 0x20 != 0 || ((tag == OCTETS || tag == BITS) && inner.len() > 2);
    match read_all(inner, depth + 1).filter(|_| may_hold && depth < 24) {
        Some(items) => Tlv::List { tag, prefix: prefix.to_vec(), items },
        None => Tlv::Value { tag, bytes: content.to_vec() },
    }
}

/// Tag, content and what follows the first element of `bytes`.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if tag & 0x1f == 0x1f || tag == 0 {
        return None;
    }
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if length.is_empty() || length.len() > 4 {
            return None;
        }
        (length.iter().fold(0, |n, b| (n << 8) | usize::from(*b)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The element of that tag and content.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    out.extend(length(content.len()));
    out.extend(content);
    out
}

/// The shortest form of a length.
pub(crate) fn length(n: usize) -> Vec<u8> {
    if n < 0x80 {
        return vec![n as u8];
    }
    let bytes: Vec<u8> = n.to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
    [vec![0x80 | bytes.len() as u8], bytes].concat()
}
