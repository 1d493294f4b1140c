//! The package URLs of a registry's entries (`pkg:hex/...`), in their one canonical spelling.

use std::fmt;

use crate::error::{Error, Fault, Result};
use crate::limits::within;

const TEXT_BYTES: usize = 512;

/// A package: a canonical purl without a version, such as `pkg:hex/phoenix`, `pkg:hex/org/name` or
/// `pkg:hex/name?repository_url=https:%2F%2Frepo.example.com`. Ordered by its bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Package(String);

/// Where a package lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repository {
    /// hex.pm's public repository.
    Public,
    /// An organisation's repository there.
    Organisation(String),
    /// Any other, by its https URL.
    Url(String),
}

/// How statements name hex.pm's public repository.
const PUBLIC: &str = "hexpm";
/// Hex.pm's repositories have names, and need no URL.
const PUBLIC_HOST: &str = "repo.hex.pm";

impl Repository {
    /// Reads `hexpm`, an organisation's name or an https URL. Whether it can be is for [`Package::of`] to say.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            PUBLIC => Self::Public,
            text if text.contains(':') => Self::Url(text.to_owned()),
            text => Self::Organisation(text.to_owned()),
        }
    }

    /// The inverse of [`parse`](Self::parse).
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Public => PUBLIC,
            Self::Organisation(text) | Self::Url(text) => text,
        }
    }
}

impl Package {
    /// The package `name` of `repository`.
    ///
    /// # Errors
    /// `malformed` when it cannot be.
    pub fn of(repository: &Repository, name: &str) -> Result<Self> {
        let package = match repository {
            Repository::Public => Self::parse(&format!("pkg:hex/{name}")),
            Repository::Organisation(organisation) => Self::parse(&format!("pkg:hex/{organisation}/{name}")),
            Repository::Url(url) => Self::parse(&format!("pkg:hex/{name}?repository_url={}", url.replace('/', "%2F"))),
        }?;
        // Nothing of one part may be read as another.
        let same = package.name() == name && package.repository() == *repository;
        if same { Ok(package) } else { Err(malformed("its name and repository are not those of a Hex package")) }
    }

    /// Where it lives.
    #[must_use]
    pub fn repository(&self) -> Repository {
        let rest = self.0.strip_prefix("pkg:hex/").unwrap_or_default();
        match (rest.split_once("?repository_url="), rest.split_once('/')) {
            (Some((_, url)), _) => Repository::Url(url.replace("%2F", "/")),
            (None, Some((organisation, _))) => Repository::Organisation(organisation.to_owned()),
            (None, None) => Repository::Public,
        }
    }

    /// The purl of one of its versions.
    #[must_use]
    pub fn release(&self, version: &str) -> String {
        let (path, qualifier) = self.0.split_once('?').map_or((self.0.as_str(), None), |(p, q)| (p, Some(q)));
        let qualifier = qualifier.map(|q| format!("?{q}")).unwrap_or_default();
        format!("{path}@{}{qualifier}", version.replace('+', "%2B"))
    }

    /// Reads a purl without a version.
    ///
    /// # Errors
    /// `malformed` when it has one, or is not spelled canonically.
    pub fn parse(purl: &str) -> Result<Self> {
        match split(purl)? {
            (package, None) => Ok(package),
            _ => Err(malformed("it has a version")),
        }
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its name, without organisation and repository.
    #[must_use]
    pub fn name(&self) -> &str {
        let path = self.0.split('?').next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A purl as its package and the version it names, decoded.
///
/// # Errors
/// `malformed` when it is not spelled canonically.
pub fn split(purl: &str) -> Result<(Package, Option<String>)> {
    within("package URL", TEXT_BYTES, purl.len())?;
    let rest = purl.strip_prefix("pkg:hex/").ok_or_else(|| malformed("it does not begin with pkg:hex/"))?;
    let (rest, qualifier) = rest.split_once('?').map_or((rest, None), |(rest, q)| (rest, Some(q)));
    let (path, version) = rest.split_once('@').map_or((rest, None), |(path, v)| (path, Some(v)));
    let (organisation, name) = path.split_once('/').map_or((None, path), |(o, n)| (Some(o), n));
    if !valid_name(name) || organisation.is_some_and(|o| !valid_name(o) || o == PUBLIC) {
        return Err(malformed("its name is not one of a Hex package"));
    }
    let url = qualifier.map(|q| q.strip_prefix("repository_url=").filter(|u| valid_repository(u)));
    if url == Some(None) || (url.is_some() && organisation.is_some()) {
        return Err(malformed("its qualifier is not a canonical repository_url"));
    }
    let version = version.map(|v| decode_version(v).ok_or_else(|| malformed("its version is not one"))).transpose()?;
    let suffix = qualifier.map(|q| format!("?{q}")).unwrap_or_default();
    Ok((Package(format!("pkg:hex/{path}{suffix}")), version))
}

/// Whether `version` can be a version: SemVer's characters, at most 128 of them.
pub(crate) fn valid_version(version: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+');
    version.bytes().next().is_some_and(|b| b.is_ascii_digit()) && version.len() <= 128 && version.bytes().all(plain)
}

fn decode_version(text: &str) -> Option<String> {
    let version = text.replace("%2B", "+");
    (!text.contains('+') && valid_version(&version)).then_some(version)
}

fn valid_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    !name.is_empty() && name.len() <= 128 && name.bytes().all(plain)
}

/// `https:%2F%2FHOST[:PORT][%2FPATH]`: lowercase host, no default port, no slash at the end.
fn valid_repository(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https:%2F%2F") else { return false };
    let mut parts = rest.split("%2F");
    let (host, port) = parts.next().map_or(("", None), |h| h.split_once(':').map_or((h, None), |(h, p)| (h, Some(p))));
    let host_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-');
    let port_plain = |p: &str| crate::encoding::decimal(p).is_some_and(|p| p != 443 && (1..=65_535).contains(&p));
    let part_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~');
    !host.is_empty()
        && host != PUBLIC_HOST
        && host.bytes().all(host_plain)
        && port.is_none_or(port_plain)
        && parts.all(|p| !p.is_empty() && p.bytes().all(part_plain))
}

fn malformed(reason: &str) -> Error {
    Fault::malformed("package URL", "purl", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_ones_are_taken_apart() {
        let read = |purl| split(purl).map(|(p, v)| (p.to_string(), v.unwrap_or_default())).unwrap();
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(read("pkg:hex/phoenix@1.8.1"), pair("pkg:hex/phoenix", "1.8.1"));
        assert_eq!(read("pkg:hex/acme/foo@1.0.0-rc.1%2Bb"), pair("pkg:hex/acme/foo", "1.0.0-rc.1+b"));
        let other = "pkg:hex/foo@1.0.0?repository_url=https:%2F%2Frepo.example.com";
        assert_eq!(read(other), pair("pkg:hex/foo?repository_url=https:%2F%2Frepo.example.com", "1.0.0"));
        assert_eq!(Package::parse("pkg:hex/acme/foo").unwrap().name(), "foo");
        assert_eq!(split(other).unwrap().0.name(), "foo");
    }

    #[test]
    fn and_put_together() {
        for purl in ["pkg:hex/a", "pkg:hex/acme/a", "pkg:hex/a?repository_url=https:%2F%2Frepo.example.com:8443%2Fx"] {
            let package = Package::parse(purl).unwrap();
            let repository = package.repository();
            assert_eq!(Repository::parse(repository.as_str()), repository);
            assert_eq!(Package::of(&repository, package.name()).unwrap(), package);
            let release = split(&package.release("1.0.0+b")).unwrap();
            assert_eq!(release, (package, Some("1.0.0+b".to_owned())));
        }
        for (repository, name) in [
            ("hexpm", "acme/a"),
            ("hexpm", "a@1.0.0"),
            ("hexpm", "a?repository_url=https:%2F%2Fb"),
            ("http://b", "a"),
            ("https://b/", "a"),
            ("https://b%2Fc", "a"),
            ("https://repo.hex.pm", "a"),
            ("Acme", "a"),
            ("", "a"),
            ("a/b", "c"),
        ] {
            assert!(Package::of(&Repository::parse(repository), name).is_err(), "{repository} {name}");
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for bad in [
            "pkg:hex/Phoenix",
            "pkg:hex/",
            "pkg:hex//a",
            "pkg:hex/a/b/c",
            "pkg:npm/a",
            "PKG:hex/a",
            "pkg:hex/a@",
            "pkg:hex/a@1+b",
            "pkg:hex/a@1%2b",
            "pkg:hex/a?",
            "pkg:hex/a?x=1",
            "pkg:hex/a?repository_url=",
            "pkg:hex/a#x",
            "pkg:hex/a?repository_url=http:%2F%2Fb",
            "pkg:hex/a?repository_url=https:%2F%2FB",
            "pkg:hex/a@v1",
            "pkg:hex/a?repository_url=https:%2F%2Fb:443",
            "pkg:hex/a?repository_url=https:%2F%2Fb%2F",
            "pkg:hex/a?repository_url=https:%2F%2Fb&repository_url=https:%2F%2Fb",
            "pkg:hex/o/a?repository_url=https:%2F%2Fb",
            "pkg:hex/a%2Fb",
            "pkg:hex/a@1@2",
            "pkg:hex/hexpm/a",
            "pkg:hex/a?repository_url=https:%2F%2Frepo.hex.pm",
        ] {
            assert_eq!(split(bad).map_err(|e| e.code()), Err("malformed"), "{bad}");
        }
        assert!(Package::parse("pkg:hex/a@1.0.0").is_err());
        assert!(split(&format!("pkg:hex/{}", "a".repeat(600))).is_err());
    }
}
