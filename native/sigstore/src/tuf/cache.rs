//! One repository's cache: a file that is only ever replaced as a whole, and a lock for those who replace it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::state::State;
use crate::error::{Error, Fault, Result};
use crate::net::{blocking, storage_fault};

/// More than this is no cache of ours.
const MAX_BYTES: u64 = 32 << 20;
const LOCK_POLL: Duration = Duration::from_millis(10);

/// Where one repository's state is kept.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    file: PathBuf,
    lock: PathBuf,
}

/// The right to replace the file, until dropped.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "closing it is what unlocks")] File);

impl Cache {
    /// The cache called `key` in `directory`.
    pub(super) fn new(directory: &Path, key: &str) -> Self {
        // The name carries the format's version: another format is another file.
        Self { file: directory.join(format!("{key}.v1.json")), lock: directory.join(format!("{key}.lock")) }
    }

    /// Makes sure that this cache can be written, before anything is fetched for it.
    pub(super) async fn prepare(&self) -> Result<()> {
        let path = self.lock.clone();
        blocking(move || {
            if let Some(directory) = path.parent() {
                fs::create_dir_all(directory).map_err(|error| storage_fault(directory, error))?;
            }
            open_lock(&path).map(drop)
        })
        .await
    }

    /// What the cache holds: nothing if it is absent or damaged.
    pub(super) async fn read(&self) -> Result<State> {
        let path = self.file.clone();
        blocking(move || {
            let bytes = read_bounded(&path).map_err(|error| storage_fault(&path, error))?;
            Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
        })
        .await
    }

    /// Waits for the right to write.
    pub(super) async fn lock(&self, patience: Duration) -> Result<Lock> {
        let path = self.lock.clone();
        let file = blocking(move || open_lock(&path)).await?;
        let locked = async {
            loop {
                match file.try_lock() {
                    Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_POLL).await,
                    Err(TryLockError::Error(error)) => return Err(storage_fault(&self.lock, error)),
                    Ok(()) => return Ok(()),
                }
            }
        };
        match tokio::time::timeout(patience, locked).await {
            Ok(outcome) => outcome.map(|()| Lock(file)),
            Err(_) => Err(storage_fault(&self.lock, "another process holds this lock")),
        }
    }

    /// Replaces what the cache holds by `state`, and gives up the lock.
    pub(super) async fn write(&self, lock: Lock, state: State) -> Result<()> {
        let path = self.file.clone();
        blocking(move || {
            let bytes = serde_json::to_vec(&state).map_err(|error| storage_fault(&path, error))?;
            let actual = bytes.len() as u64;
            if actual > MAX_BYTES {
                return Err(Fault::InputTooLarge { what: "trust root cache", limit: MAX_BYTES, actual }.into());
            }
            let replaced = replace(&path, &bytes, |_| Ok(())).map_err(|error| storage_fault(&path, error));
            // Held until here even if nobody waits for this any more.
            drop(lock);
            replaced
        })
        .await
    }

    /// This cache cannot be used, for `reason`.
    pub(super) fn fault(&self, reason: &str) -> Error {
        storage_fault(&self.file, reason)
    }
}

fn open_lock(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(|error| storage_fault(path, error))
}

/// The file's bytes; none if there is no file, or one too large to be ours.
fn read_bounded(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        // Opening a pipe would wait for its other end.
        Ok(found) if !found.is_file() => return Err(io::Error::other("this is not a file")),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= MAX_BYTES))
}

/// The steps of [`replace`], each of which may be the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Clear,
    Create,
    Write,
    Sync,
    Rename,
    SyncDirectory,
}

/// Puts `bytes` at `path` so that, whenever this stops, the old content or the new is there. `before` is asked before
/// every step, and can stop it.
fn replace(path: &Path, bytes: &[u8], mut before: impl FnMut(Step) -> io::Result<()>) -> io::Result<()> {
    let fresh = path.with_extension("new");
    before(Step::Clear)?;
    // Left behind by a crash; whoever holds the lock may remove it.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    before(Step::Create)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(&fresh)?;
    before(Step::Write)?;
    file.write_all(bytes)?;
    before(Step::Sync)?;
    file.sync_all()?;
    drop(file);
    before(Step::Rename)?;
    fs::rename(&fresh, path)?;
    before(Step::SyncDirectory)?;
    sync_directory(path)
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(not(unix))]
fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const STEPS: [Step; 6] = [Step::Clear, Step::Create, Step::Write, Step::Sync, Step::Rename, Step::SyncDirectory];

    #[test]
    fn stopping_at_any_step_leaves_the_old_or_the_new() {
        let folder = Folder::new("steps");
        let path = folder.0.join("state.v1.json");
        for (number, last) in STEPS.into_iter().enumerate() {
            for torn in [false, true] {
                fs::write(&path, b"old").unwrap();
                let outcome = replace(&path, b"new", |step| stop_at(last, torn, step, &path));
                assert!(outcome.is_err());
                let renamed = number > 4;
                assert_eq!(fs::read(&path).unwrap(), if renamed { b"new" } else { b"old" }, "{last:?}");
                // The next process is not hindered by what this one left.
                replace(&path, b"newer", |_| Ok(())).unwrap();
                assert_eq!(fs::read(&path).unwrap(), b"newer");
                assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
            }
        }
    }

    #[test]
    fn the_first_write_is_whole_or_absent() {
        let folder = Folder::new("first");
        let path = folder.0.join("state.v1.json");
        for last in STEPS {
            let _ = fs::remove_file(&path);
            assert!(replace(&path, b"new", |step| stop_at(last, true, step, &path)).is_err());
            let found = read_bounded(&path).unwrap();
            assert_eq!(found.is_some(), last == Step::SyncDirectory);
        }
    }

    fn stop_at(last: Step, torn: bool, step: Step, path: &Path) -> io::Result<()> {
        if step != last {
            return Ok(());
        }
        if torn && matches!(step, Step::Write | Step::Sync) {
            fs::write(path.with_extension("new"), b"n")?;
        }
        Err(io::Error::other("the machine stopped"))
    }

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("provenance-tuf-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
