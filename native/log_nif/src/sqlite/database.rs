//! The connections to one database file.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use provenance_log::error::{Error, quote};
use provenance_log::{Fault, Result};
use rusqlite::{Connection, OpenFlags, TransactionBehavior, ffi};

/// Connections for reading that are kept when nobody reads; as many as read at once are opened.
const IDLE_READERS: usize = 8;
/// Prepared statements that each connection keeps.
const STATEMENTS: usize = 128;

const LEFT_OPEN: &str = "a statement left a transaction open; it was rolled back";

/// What may be chosen of a database.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// Whether the file is made when it is missing.
    pub(super) create: bool,
    /// Milliseconds to wait for another program's lock.
    pub(super) busy_timeout: u64,
    /// How large the file may become, in pages; no bound when it is zero.
    pub(super) max_pages: u64,
    /// Rows that one call answers at most.
    pub(super) max_rows: u64,
    /// Bytes that one call answers at most.
    pub(super) max_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { create: true, busy_timeout: 5000, max_pages: 0, max_rows: 1 << 20, max_bytes: 256 << 20 }
    }
}

/// A database file. Reading goes on beside the one writer (WAL); each is behind a lock of its own.
pub(super) struct Database {
    path: PathBuf,
    options: Options,
    /// None once it is closed. Whoever opens a reader holds the readers, and so does whoever closes.
    writer: Mutex<Option<Connection>>,
    readers: Mutex<Option<Vec<Connection>>>,
    /// What was written may not be on the disk, and no later call can put it there.
    unsynced: AtomicBool,
}

impl Database {
    pub(super) fn open(path: PathBuf, options: Options) -> Result<Self> {
        // An absolute path is no URI and no database in memory, whatever its name.
        let absolute = std::path::absolute(&path).map_err(|e| failed(&path, &e.to_string()))?;
        let database = Self {
            path: absolute,
            options,
            writer: Mutex::new(None),
            readers: Mutex::new(Some(Vec::new())),
            unsynced: AtomicBool::new(false),
        };
        *held(&database.writer) = Some(database.connect_writer()?);
        Ok(database)
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// Has `run` read with a connection of its own; a statement that changes something is the writer's.
    pub(super) fn query<T>(&self, sql: &str, run: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let reader = self.take_reader()?;
        let reads = reader.prepare_cached(sql).map(|statement| statement.readonly());
        match reads {
            Ok(true) => {
                let answer = run(&reader);
                let open = !reader.is_autocommit();
                self.give_back(reader);
                if open { answer.and_then(|_| Err(self.misused(LEFT_OPEN))) } else { answer }
            }
            // Schemas change: the writer knows what is true.
            _ => {
                self.give_back(reader);
                self.write(|connection| run(connection))
            }
        }
    }

    /// Has `run` do a whole transaction; it says with its answer whether to keep what was done.
    pub(super) fn transaction<T>(&self, run: impl FnOnce(&Connection) -> Result<(bool, T)>) -> Result<T> {
        self.write(|connection| {
            let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
            let transaction = begun.map_err(|e| self.failed(&e))?;
            // Dropping it rolls back, also while a panic unwinds.
            let (keep, answer) = run(&transaction)?;
            if keep {
                transaction.commit().map_err(|e| self.failed(&e))?;
            }
            Ok(answer)
        })
    }

    /// What is under way ends first.
    pub(super) fn close(&self) {
        let readers = held(&self.readers).take();
        let writer = held(&self.writer).take();
        drop(readers);
        drop(writer);
    }

    pub(super) fn failed(&self, error: &rusqlite::Error) -> Error {
        if let rusqlite::Error::SqliteFailure(cause, _) = error
            && [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC].contains(&cause.extended_code)
        {
            self.unsynced.store(true, Ordering::Relaxed);
        }
        let reason = match error {
            rusqlite::Error::SqliteFailure(_, Some(message)) | rusqlite::Error::SqlInputError { msg: message, .. } => {
                message.clone()
            }
            other => other.to_string(),
        };
        failed(&self.path, &reason)
    }

    fn write<T>(&self, run: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        let mut writer = held(&self.writer);
        let connection = writer.as_mut().ok_or_else(|| self.closed())?;
        let answer = run(connection);
        if self.unsynced.load(Ordering::Relaxed) {
            // The system forgets a failed fsync: the next one succeeds without what was lost. Opening it again reads what
            // is there.
            *writer = None;
            *held(&self.readers) = None;
            return answer;
        }
        if !connection.is_autocommit() {
            // A statement began a transaction, or a rollback failed: nobody else must go on in it.
            *writer = None;
            *writer = Some(self.connect_writer()?);
            return answer.and_then(|_| Err(self.misused(LEFT_OPEN)));
        }
        answer
    }

    fn take_reader(&self) -> Result<Connection> {
        let mut readers = held(&self.readers);
        match readers.as_mut().ok_or_else(|| self.closed())?.pop() {
            Some(reader) => Ok(reader),
            None => self.connect_reader(),
        }
    }

    fn give_back(&self, reader: Connection) {
        if let Some(idle) = held(&self.readers).as_mut()
            && idle.len() < IDLE_READERS
            && reader.is_autocommit()
        {
            idle.push(reader);
        }
    }

    fn connect_writer(&self) -> Result<Connection> {
        let create = if self.options.create { OpenFlags::SQLITE_OPEN_CREATE } else { OpenFlags::empty() };
        let connection = self.connect(create)?;
        let set = || {
            // The page size counts when the file is new. A checkpoint of the write-ahead log each 32 MiB, at most.
            connection.execute_batch(
                "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -32768;",
            )?;
            if self.options.max_pages > 0 {
                connection.query_row(&format!("PRAGMA max_page_count = {}", self.options.max_pages), [], |_| Ok(()))?;
            }
            let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
            Ok(mode)
        };
        match set().map_err(|e| self.failed(&e))?.as_str() {
            "wal" => Ok(connection),
            _ => Err(failed(&self.path, "its file system has no write-ahead logging")),
        }
    }

    fn connect_reader(&self) -> Result<Connection> {
        let connection = self.connect(OpenFlags::empty())?;
        let set = connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -8192;");
        set.map(|()| connection).map_err(|e| self.failed(&e))
    }

    fn connect(&self, create: OpenFlags) -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(|e| self.failed(&e))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let set = connection
            .busy_timeout(Duration::from_millis(self.options.busy_timeout))
            .and_then(|()| connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;"));
        set.map(|()| connection).map_err(|e| self.failed(&e))
    }

    /// A statement that is not for these functions.
    pub(super) fn misused(&self, reason: &str) -> Error {
        failed(&self.path, reason)
    }

    fn closed(&self) -> Error {
        failed(&self.path, "the database is closed")
    }
}

/// The last holder is gone, in the middle of a garbage collection on an ordinary scheduler as a rule. Closing writes.
impl Drop for Database {
    fn drop(&mut self) {
        let writer = held(&self.writer).take();
        let readers = held(&self.readers).take();
        if writer.is_some() {
            // Without a thread it is closed right here.
            let _ = std::thread::Builder::new().name("hex_provenance_sqlite".to_owned()).spawn(move || {
                drop(readers);
                drop(writer);
            });
        }
    }
}

fn failed(path: &Path, reason: &str) -> Error {
    Fault::StorageFailed { path: quote(&path.to_string_lossy()), reason: quote(reason) }.into()
}

/// A panic leaves a connection behind that is rolled back, or replaced before anybody else has it.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
