//// Whose certificates and logs count: the prepared trust root of a Sigstore instance.

import hex_provenance/error.{type Failure}
import hex_provenance/option.{type Option, None}

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

/// `timeout_ms` is for all of a refresh; `offline` uses what the cache holds, verified again, however old; `ca_files`
/// are PEM files of certificate authorities trusted for TLS besides the platform's, by default the one that
/// HEX_CACERTS_PATH names.
pub type RefreshOptions {
  RefreshOptions(
    timeout_ms: Int,
    cache: Cache,
    offline: Bool,
    ca_files: Option(List(String)),
    proxy: Proxy,
  )
}

/// Where verified metadata is kept.
pub type Cache {
  /// What the environment variable HEX_PROVENANCE_CACHE names, else `${XDG_CACHE_HOME:-~/.cache}/hex_provenance/tuf`.
  DefaultCache
  Folder(path: String)
  /// Nothing is remembered, so an older root that is still valid could be served later.
  NoCache
}

/// Which proxy requests go through. Hosts that NO_PROXY names are reached without any.
pub type Proxy {
  /// What the environment says: HEX_HTTPS_PROXY, HEX_HTTP_PROXY, else HTTPS_PROXY, HTTP_PROXY and ALL_PROXY.
  Environment
  Direct
  ProxyUrl(String)
}

/// Online, one minute, the default cache, and the environment's proxy.
pub fn default_refresh_options() -> RefreshOptions {
  RefreshOptions(
    timeout_ms: 60_000,
    cache: DefaultCache,
    offline: False,
    ca_files: None,
    proxy: Environment,
  )
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
