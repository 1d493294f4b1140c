//! Terms written: one function a type.

use provenance_base::{Catalogued, Detail, Entry, Error};
use rustler::{Atom, Encoder, Env, NewBinary, Term};

use crate::atoms;

/// An error, with what else was found.
pub fn error<'a, F: Catalogued>(env: Env<'a>, error: &Error<F>) -> Term<'a> {
    fault(env, error.fault(), error.also())
}

/// One fault and what else was found beside it.
pub fn fault<'a, F: Catalogued>(env: Env<'a>, fault: &F, also: &[F]) -> Term<'a> {
    let facts = fault.details().into_iter().map(|(name, value)| (atoms::known(env, name), detail(env, &value)));
    let others = |env, one: &F| self::fault(env, one, &[]);
    let also = (!also.is_empty()).then(|| (atoms::also().encode(env), list(env, also, others)));
    map(
        env,
        [
            (atoms::code(), atoms::known(env, fault.code())),
            (atoms::stage(), atoms::known(env, fault.stage().as_str())),
            (atoms::message(), text(env, &fault.to_string())),
            (atoms::remedy(), text(env, fault.remedy())),
            (atoms::details(), term_map(env, facts.chain(also))),
        ],
    )
}

fn detail<'a>(env: Env<'a>, detail: &Detail) -> Term<'a> {
    match detail {
        Detail::Text(value) => text(env, value),
        Detail::Number(value) => value.encode(env),
    }
}

/// One row of a catalogue.
pub fn catalogue_entry<'a>(env: Env<'a>, entry: &Entry) -> Term<'a> {
    map(
        env,
        [
            (atoms::code(), atoms::known(env, entry.code)),
            (atoms::stage(), atoms::known(env, entry.stage.as_str())),
            (atoms::remedy(), text(env, entry.remedy)),
            (atoms::details(), names(env, entry.details)),
        ],
    )
}

/// The default of every limit, by name, whoever's limits they are.
pub fn limits<'a, L>(
    env: Env<'a>,
    names: &[&'static str],
    mut defaults: L,
    by_name: for<'l> fn(&'l mut L, &str) -> Option<&'l mut u64>,
) -> Term<'a> {
    let named = names.iter().map(|name| {
        let value = by_name(&mut defaults, name).map_or(0, |limit| *limit);
        (atoms::known(env, name), value.encode(env))
    });
    term_map(env, named)
}

/// Text, as UTF-8.
pub fn text<'a>(env: Env<'a>, text: &str) -> Term<'a> {
    bytes(env, text.as_bytes())
}

/// Bytes.
pub fn bytes<'a>(env: Env<'a>, bytes: &[u8]) -> Term<'a> {
    NewBinary::from_slice(env, bytes).into()
}

/// Names out of closed tables, as atoms.
pub fn names<'a>(env: Env<'a>, names: &[&'static str]) -> Term<'a> {
    list(env, names, |env, name| atoms::known(env, name))
}

/// A list.
pub fn list<'a, T>(env: Env<'a>, items: &[T], encode: impl Fn(Env<'a>, &T) -> Term<'a>) -> Term<'a> {
    items.iter().map(|item| encode(env, item)).collect::<Vec<_>>().encode(env)
}

/// What is there, or `undefined`.
pub fn optional<'a, T>(env: Env<'a>, value: Option<&T>, encode: impl Fn(Env<'a>, &T) -> Term<'a>) -> Term<'a> {
    value.map_or_else(|| atoms::undefined().encode(env), |value| encode(env, value))
}

/// A map with those keys.
pub fn map<'a, const N: usize>(env: Env<'a>, pairs: [(Atom, Term<'a>); N]) -> Term<'a> {
    let keys = pairs.map(|(key, _)| key.encode(env));
    let values = pairs.map(|(_, value)| value);
    from_arrays(env, &keys, &values)
}

/// A map whose keys are names out of a closed table.
pub fn known_map<'a, T>(
    env: Env<'a>,
    pairs: &[(&'static str, T)],
    encode: impl Fn(Env<'a>, &T) -> Term<'a>,
) -> Term<'a> {
    term_map(env, pairs.iter().map(|(name, value)| (atoms::known(env, name), encode(env, value))))
}

/// A map of any terms.
pub fn term_map<'a>(env: Env<'a>, pairs: impl Iterator<Item = (Term<'a>, Term<'a>)>) -> Term<'a> {
    let (keys, values): (Vec<_>, Vec<_>) = pairs.unzip();
    from_arrays(env, &keys, &values)
}

/// The core lets no object with a key twice pass, and no table of ours has one.
fn from_arrays<'a>(env: Env<'a>, keys: &[Term<'a>], values: &[Term<'a>]) -> Term<'a> {
    Term::map_from_term_arrays(env, keys, values).unwrap_or_else(|_| unreachable!("a key twice"))
}
