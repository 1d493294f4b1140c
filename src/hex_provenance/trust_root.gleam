//// Whose certificates and logs count: the prepared trust root of a Sigstore instance.

import hex_provenance/error.{type Failure}
import hex_provenance/option.{type Option}

/// A prepared trust root: immutable, cheap to send to other processes.
pub type TrustRoot

/// The Sigstore instances this library knows.
pub type Instance {
  PublicGood
  Staging
  Github
}

/// A root that comes with this library, or a trusted_root.json.
pub type Source {
  BuiltIn(Instance)
  Json(BitArray)
  File(path: String)
}

/// What a trust root is. `as_of` is when the material was last known to be current, in Unix seconds.
pub type Info {
  Info(
    instance: String,
    source: Origin,
    sha256: BitArray,
    as_of: Option(Int),
    transparency_logs: Int,
    certificate_logs: Int,
    certificate_authorities: Int,
    timestamp_authorities: Int,
  )
}

/// Where trust material came from.
pub type Origin {
  Embedded
  Tuf
  FromFile
  NoRoot
}

/// A TUF repository: one of those known to this library, or a base URL with the first root.json to trust.
pub type Repository {
  Of(Instance)
  Custom(url: String, root: BitArray)
}

/// `timeout_ms` is for all of a refresh; `cache` is the folder to keep verified metadata in.
pub type RefreshOptions {
  RefreshOptions(timeout_ms: Int, cache: Option(String))
}

/// Half a minute, and the user's cache folder.
pub fn default_refresh_options() -> RefreshOptions {
  RefreshOptions(timeout_ms: 30_000, cache: option.None)
}

/// Prepares a trust root, once for any number of verifications.
@external(erlang, "hex_provenance_ffi", "trust_root")
pub fn load(source: Source) -> Result(TrustRoot, Failure)

/// What a trust root is and how old.
@external(erlang, "hex_provenance_ffi", "trust_root_info")
pub fn info(root: TrustRoot) -> Result(Info, Failure)

/// Fetches the newest trust root of a Sigstore instance over the network, by TUF. The caller waits.
@external(erlang, "hex_provenance_ffi", "refresh_trust_root")
pub fn refresh(
  repository: Repository,
  options: RefreshOptions,
) -> Result(TrustRoot, Failure)
