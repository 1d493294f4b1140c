//! What every error must be like.

use provenance_sigstore::error::{CATALOGUE, Detail};
use provenance_sigstore::{Error, Fault};

/// An error is of the catalogue, is no accident, and repeats little of what it was given.
pub(crate) fn clean(error: &Error) -> Result<(), String> {
    const MOST_TEXT: usize = 1024;
    let faults: Vec<&Fault> = std::iter::once(error.fault()).chain(error.also()).collect();
    if faults.len() > 200 {
        return Err(format!("{} faults", faults.len()));
    }
    for fault in faults {
        if fault.code() == "internal" || CATALOGUE.iter().all(|entry| entry.code != fault.code()) {
            return Err(format!("the error {fault}"));
        }
        let long = |detail: &Detail| matches!(detail, Detail::Text(text) if text.len() > MOST_TEXT);
        if fault.to_string().len() > 4 * MOST_TEXT || fault.details().iter().any(|(_, detail)| long(detail)) {
            return Err(format!("an error of {} bytes: {}", fault.to_string().len(), fault.code()));
        }
        if fault.to_string().contains(char::is_control) {
            return Err(format!("control characters in an error: {fault:?}"));
        }
    }
    Ok(())
}
