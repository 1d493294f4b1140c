//! Fuzz targets of the Sigstore core: what each does with an input, what it starts from, and how inputs are changed
//! knowing their structure. The operators are those of the mutation suite.

#[path = "../../native/sigstore/tests/mutation/clean.rs"]
mod clean;
#[allow(dead_code, reason = "shared with the core's tests")]
#[path = "../../native/sigstore/tests/mutation/der.rs"]
mod der;
#[allow(dead_code, reason = "shared with the core's tests")]
#[path = "../../native/sigstore/tests/mutation/forge.rs"]
mod forge;
#[allow(dead_code, unused_imports, reason = "shared with the core's tests")]
#[path = "../../native/sigstore/tests/mutation/operators.rs"]
mod operators;
#[allow(dead_code, reason = "shared with the core's tests")]
#[path = "../../native/sigstore/tests/mutation/rng.rs"]
mod rng;
#[allow(dead_code, reason = "shared with the core's tests")]
#[path = "../../native/sigstore/tests/mutation/second_form.rs"]
mod second_form;
#[allow(dead_code, reason = "shared with the core's tests")]
#[path = "../../native/sigstore/tests/mutation/signed.rs"]
mod signed;
mod targets;
#[allow(dead_code, reason = "shared with the core's tests")]
#[path = "../../native/sigstore/tests/mutation/tree.rs"]
mod tree;

#[cfg(feature = "libfuzzer")]
pub use libfuzzer_sys;

use crate::rng::Rng;
pub use crate::targets::TARGETS;

/// One fuzz target.
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Does its work with an input; panics when something is wrong.
    pub run: fn(&[u8]),
    /// Valid inputs to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Changes an input in its structure; `None` when it has none to change.
    change: fn(&mut Vec<u8>, &mut Rng) -> Option<()>,
}

/// The target called `name`.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).expect("a target")
}

impl Target {
    /// Input `index` of those that `number` stands for: one of `seeds`, changed in its structure.
    #[must_use]
    pub fn input(&self, seeds: &[Vec<u8>], number: u64, index: u64) -> Vec<u8> {
        let mut rng = Rng::new(number, index);
        let mut input = rng.pick(seeds).clone();
        for _ in 0..=rng.below(3) {
            // What has no structure left is left as it is.
            let _ = (self.change)(&mut input, &mut rng);
        }
        input
    }

    /// Changes the first `size` bytes of `data`, which has room for `most`; the new size, or `None` when that is for
    /// libFuzzer to do.
    pub fn change_in_place(&self, data: &mut [u8], size: usize, most: usize, seed: u32) -> Option<usize> {
        let mut rng = Rng::new(u64::from(seed), size as u64);
        if rng.percent(40) {
            return None;
        }
        let mut bytes = data.get(..size)?.to_vec();
        (self.change)(&mut bytes, &mut rng)?;
        let fits = bytes.len() <= most.min(data.len());
        fits.then(|| data[..bytes.len()].copy_from_slice(&bytes))?;
        Some(bytes.len())
    }
}

/// libFuzzer's entry points for a target.
#[cfg(feature = "libfuzzer")]
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        static TARGET: std::sync::LazyLock<&'static $crate::Target> =
            std::sync::LazyLock::new(|| $crate::target(stringify!($name)));

        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.run)(data));

        $crate::libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            let changed = TARGET.change_in_place(data, size, max_size, seed);
            changed.unwrap_or_else(|| $crate::libfuzzer_sys::fuzzer_mutate(data, size, max_size))
        });
    };
}
