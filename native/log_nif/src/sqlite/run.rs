//! Statements run, and transactions of them.

use provenance_log::{Fault, Result};
use provenance_nif_base::decode::{invalid, items};
use rusqlite::{Connection, Statement};
use rustler::types::tuple::get_tuple;
use rustler::{Encoder, Env, ListIterator, Term};

use super::database::Database;
use super::term::{Param, value};
use crate::{atoms, decode};

/// Steps of a transaction.
const STEPS: usize = 1 << 16;

/// One step: a statement with some lists of parameters, and how many rows all of them together must change.
pub(super) struct Step<'a> {
    sql: &'a str,
    params: Params<'a>,
    expect: Option<u64>,
}

enum Params<'a> {
    One(Term<'a>),
    Many(ListIterator<'a>),
}

/// `[{Sql, Params, Expect} | {many, Sql, [Params], Expect}]`, read before anything is locked.
pub(super) fn steps(term: Term<'_>) -> Result<Vec<Step<'_>>> {
    if term.list_length().is_ok_and(|length| length > STEPS) {
        return Err(invalid("steps", "at most 65536 steps").into());
    }
    items("steps", term)?.map(step).collect()
}

fn step(term: Term<'_>) -> Result<Step<'_>> {
    match get_tuple(term).unwrap_or_default().as_slice() {
        [tag, sql, params, expect] if atoms::many() == *tag => Ok(Step {
            sql: decode::text("sql", *sql)?,
            params: Params::Many(items("params", *params)?),
            expect: self::expect(*expect)?,
        }),
        [sql, params, expect] => {
            Ok(Step { sql: decode::text("sql", *sql)?, params: Params::One(*params), expect: self::expect(*expect)? })
        }
        _ => Err(invalid("steps", "{Sql, Params, Expect} or {many, Sql, [Params], Expect}"))?,
    }
}

fn expect(term: Term<'_>) -> Result<Option<u64>> {
    if atoms::any() == term { Ok(None) } else { decode::number("expect", term).map(Some) }
}

/// Runs the steps. Whether to keep what they did, and what to answer.
pub(super) fn transaction<'a>(
    env: Env<'a>,
    connection: &Connection,
    database: &Database,
    steps: Vec<Step<'a>>,
) -> Result<(bool, Term<'a>)> {
    let mut run = Run::new(env, connection, database);
    let mut answers = Vec::with_capacity(steps.len());
    for (number, step) in (1u64..).zip(steps) {
        let (rows, count) = match step.params {
            Params::One(params) => run.each(step.sql, std::iter::once(params))?,
            Params::Many(lists) => run.each(step.sql, lists)?,
        };
        if connection.is_autocommit() {
            return Err(database.misused("a step ended the transaction"));
        }
        if step.expect.is_some_and(|expected| expected != count) {
            return Ok((false, (atoms::conflict(), number).encode(env)));
        }
        answers.push((rows, count).encode(env));
    }
    Ok((true, answers.encode(env)))
}

/// What one call runs, and how much it may still answer.
pub(super) struct Run<'a, 'c> {
    env: Env<'a>,
    connection: &'c Connection,
    database: &'c Database,
    rows: u64,
    bytes: u64,
}

impl<'a, 'c> Run<'a, 'c> {
    pub(super) fn new(env: Env<'a>, connection: &'c Connection, database: &'c Database) -> Self {
        Self { env, connection, database, rows: 0, bytes: 0 }
    }

    /// One statement: `{Rows, Count}`.
    pub(super) fn once(mut self, sql: &str, params: ListIterator<'a>) -> Result<Term<'a>> {
        let mut statement = self.connection.prepare_cached(sql).map_err(|e| self.database.failed(&e))?;
        let mut rows = Vec::new();
        let count = self.run(&mut statement, params, &mut rows)?;
        Ok((rows, count).encode(self.env))
    }

    /// One statement with each of the lists of parameters: all rows, and the sum of the counts.
    fn each(&mut self, sql: &str, lists: impl Iterator<Item = Term<'a>>) -> Result<(Vec<Term<'a>>, u64)> {
        let mut statement = self.connection.prepare_cached(sql).map_err(|e| self.database.failed(&e))?;
        let (mut rows, mut count) = (Vec::new(), 0u64);
        for list in lists {
            let changed = self.run(&mut statement, items("params", list)?, &mut rows)?;
            count = count.saturating_add(changed);
        }
        Ok((rows, count))
    }

    /// How many rows it answered, or else changed.
    fn run(
        &mut self,
        statement: &mut Statement<'_>,
        params: ListIterator<'a>,
        rows: &mut Vec<Term<'a>>,
    ) -> Result<u64> {
        self.bind(statement, params)?;
        let before = (self.connection.total_changes(), self.rows);
        let width = statement.column_count();
        let mut answered = statement.raw_query();
        while let Some(row) = answered.next().map_err(|e| self.database.failed(&e))? {
            let mut values = Vec::with_capacity(width);
            for column in 0..width {
                let read = row.get_ref(column).map_err(|e| self.database.failed(&e))?;
                let (term, bytes) = value(self.env, read);
                self.bytes = self.bytes.saturating_add(bytes);
                values.push(term);
            }
            self.rows = self.rows.saturating_add(1);
            self.within()?;
            rows.push(values.encode(self.env));
        }
        drop(answered);
        // What the last statement changed is still told after one that changes nothing.
        let changed = self.connection.total_changes() != before.0;
        Ok(match width {
            0 if changed => self.connection.changes(),
            0 => 0,
            _ => self.rows.saturating_sub(before.1),
        })
    }

    fn bind(&self, statement: &mut Statement<'_>, params: ListIterator<'a>) -> Result<()> {
        let mut given = 0usize;
        for term in params {
            given = given.saturating_add(1);
            let param = Param::read(term)?;
            statement.raw_bind_parameter(given, param).map_err(|e| self.database.failed(&e))?;
        }
        let wanted = statement.parameter_count();
        if given != wanted {
            return Err(self.database.failed(&rusqlite::Error::InvalidParameterCount(given, wanted)));
        }
        Ok(())
    }

    fn within(&self) -> Result<()> {
        let limits = self.database.options();
        for (what, limit, actual) in
            [("rows of an answer", limits.max_rows, self.rows), ("bytes of an answer", limits.max_bytes, self.bytes)]
        {
            if actual > limit {
                return Err(Fault::InputTooLarge { what, limit, actual }.into());
            }
        }
        Ok(())
    }
}
