//! SQLite, embedded: a writer and some readers for one file, held by a handle; whole transactions in one call.

mod database;
mod run;
mod term;

use provenance_log::Result;
use provenance_nif_base::decode::{file_name, invalid, items, members, unknown};
use rustler::{Encoder, Env, Resource, ResourceArc, Term};

use self::database::{Database, Options};
use self::run::Run;
use crate::{atoms, decode, guard};

/// A database that is open until it is closed, or until nobody holds it.
struct Handle(Database);

#[rustler::resource_impl]
impl Resource for Handle {}

#[rustler::nif(schedule = "DirtyIo")]
fn sqlite_open<'a>(env: Env<'a>, path: Term<'a>, options: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let path = file_name("path", path)?;
        Ok(ResourceArc::new(Handle(Database::open(path, read_options(options)?)?)).encode(env))
    })
}

/// Waits for what is under way. Closing a closed one is no error.
#[rustler::nif(schedule = "DirtyIo")]
fn sqlite_close<'a>(env: Env<'a>, db: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        handle(db)?.0.close();
        Ok(atoms::undefined().encode(env))
    })
}

#[rustler::nif(schedule = "DirtyIo")]
fn sqlite_query<'a>(env: Env<'a>, db: Term<'a>, sql: Term<'a>, params: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let db = handle(db)?;
        let (sql, params) = (decode::text("sql", sql)?, items("params", params)?);
        db.0.query(sql, |connection| Run::new(env, connection, &db.0).once(sql, params))
    })
}

#[rustler::nif(schedule = "DirtyIo")]
fn sqlite_transaction<'a>(env: Env<'a>, db: Term<'a>, steps: Term<'a>) -> Term<'a> {
    guard::dirty(env, || {
        let db = handle(db)?;
        let steps = run::steps(steps)?;
        db.0.transaction(|connection| run::transaction(env, connection, &db.0, steps))
    })
}

fn handle(term: Term<'_>) -> Result<ResourceArc<Handle>> {
    decode::resource("db", term, "what sqlite_open returned")
}

fn read_options(term: Term<'_>) -> Result<Options> {
    let mut options = Options::default();
    for (name, value) in members("options", term)? {
        let slot = match name {
            n if atoms::create() == n => {
                options.create = value.decode().map_err(|_| invalid("create", "a boolean"))?;
                continue;
            }
            n if atoms::busy_timeout() == n => &mut options.busy_timeout,
            n if atoms::max_pages() == n => &mut options.max_pages,
            n if atoms::max_rows() == n => &mut options.max_rows,
            n if atoms::max_bytes() == n => &mut options.max_bytes,
            n => Err(unknown("", n, "create, busy_timeout, max_pages, max_rows or max_bytes"))?,
        };
        let number: Option<u32> = value.decode().ok();
        *slot = number.map(u64::from).ok_or_else(|| invalid("options", "integers from 0 to 2^32 - 1"))?;
    }
    Ok(options)
}
