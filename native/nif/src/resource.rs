//! What Erlang holds a handle of: prepared once, immutable, shared by all processes.

use std::sync::{Arc, OnceLock};

use provenance_sigstore::{Instance, Policy, Result, TrustRoot};
use rustler::Resource;

/// A trust root.
pub(crate) struct Root(pub(crate) Arc<TrustRoot>);

#[rustler::resource_impl]
impl Resource for Root {}

/// Options, decoded and prepared.
pub(crate) struct Verifier(pub(crate) Policy);

#[rustler::resource_impl]
impl Resource for Verifier {}

/// What to judge provenance by.
#[cfg(feature = "slsa")]
pub(crate) struct SlsaRules {
    pub(crate) rules: provenance_slsa::Rules,
    /// Whether judging a small statement by them is short work.
    pub(crate) short: bool,
}

#[cfg(feature = "slsa")]
impl From<provenance_slsa::Rules> for SlsaRules {
    fn from(rules: provenance_slsa::Rules) -> Self {
        let known = crate::decode::slsa::well_known();
        let usual = rules.builders == known.builders && rules.build_types == known.build_types;
        Self { short: usual && rules.expectations.weight() <= WEIGHT, rules }
    }
}

/// Of expectations, what is short: a few patterns.
#[cfg(feature = "slsa")]
const WEIGHT: usize = 32;

#[cfg(feature = "slsa")]
#[rustler::resource_impl]
impl Resource for SlsaRules {}

/// Whom to believe about a log.
#[cfg(feature = "log")]
pub(crate) struct LogTrust(pub(crate) provenance_log::keys::Trust);

#[cfg(feature = "log")]
#[rustler::resource_impl]
impl Resource for LogTrust {}

/// A log as far as it was followed: the one handle whose value changes.
#[cfg(feature = "log")]
pub(crate) struct LogMonitor(pub(crate) std::sync::Mutex<provenance_log::Monitor>);

#[cfg(feature = "log")]
#[rustler::resource_impl]
impl Resource for LogMonitor {}

/// The embedded trust root of `instance`, prepared at first use.
pub(crate) fn embedded(instance: Instance) -> Result<Arc<TrustRoot>> {
    static ROOTS: [OnceLock<Arc<TrustRoot>>; 3] = [const { OnceLock::new() }; 3];
    let [public_good, staging, github] = &ROOTS;
    let slot = match instance {
        Instance::PublicGood => public_good,
        Instance::Staging => staging,
        Instance::GitHub => github,
    };
    if let Some(root) = slot.get() {
        return Ok(root.clone());
    }
    let root = Arc::new(TrustRoot::embedded(instance)?);
    Ok(slot.get_or_init(|| root).clone())
}
