//! Names of repositories, of refs and of workflows, in one canonical form.

use std::fmt;

use crate::error::{Fault, quote};

/// A source repository: `https://HOST/PATH`, however it was written.
///
/// `git+https`, `git` and `ssh` URLs and `git@HOST:PATH` name the same repository; a trailing `/` or `.git`, the default
/// port and the case of the host do not matter, the case of the path does. Nothing but plain ASCII is taken, since any
/// other character is there to be mistaken for one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository(String);

impl Repository {
    /// Reads a repository's name.
    ///
    /// # Errors
    /// `name_confusable`, `malformed`.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        plain(text)?;
        let (scheme, rest) = after_scheme(text).ok_or_else(|| malformed(text, "no URL of a repository"))?;
        let (authority, path) = rest.split_once('/').ok_or_else(|| malformed(text, "no path"))?;
        let host = host(authority, scheme).ok_or_else(|| malformed(text, "not a host"))?;
        if host.split('.').any(|label| label.starts_with("xn--")) {
            return Err(confusable(text, "a punycode host".to_owned()));
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        let path = path.strip_suffix(".git").unwrap_or(path);
        let good = |s: &str| !s.is_empty() && s != "." && s != ".." && s.bytes().all(is_path_byte);
        if !path.split('/').all(good) {
            return Err(malformed(text, "not a path of a repository"));
        }
        Ok(Self(format!("https://{host}/{path}")))
    }

    /// `https://HOST/PATH`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `PATH`, such as `OWNER/NAME`.
    #[must_use]
    pub fn path(&self) -> &str {
        without_server(&self.0).unwrap_or_default()
    }

    /// `https://HOST`.
    #[must_use]
    pub fn server(&self) -> &str {
        self.0.strip_suffix(self.path()).and_then(|s| s.strip_suffix('/')).unwrap_or(&self.0)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The scheme (empty for `git@HOST:PATH`) and what follows, as `AUTHORITY/PATH`.
fn after_scheme(text: &str) -> Option<(&str, std::borrow::Cow<'_, str>)> {
    if let Some((scheme, rest)) = text.split_once("://") {
        let known = ["https", "http", "git+https", "git+http", "git", "ssh", "git+ssh"];
        return known.into_iter().find(|k| k.eq_ignore_ascii_case(scheme)).map(|k| (k, rest.into()));
    }
    let (host, path) = text.strip_prefix("git@")?.split_once(':')?;
    Some(("", format!("{host}/{path}").into()))
}

/// The host in lower case, with its port unless that is the scheme's own.
fn host(authority: &str, scheme: &str) -> Option<String> {
    let authority = match authority.split_once('@') {
        Some(("git", host)) if scheme.is_empty() || scheme.ends_with("ssh") => host,
        Some(_) => return None,
        None => authority,
    };
    let (host, port) = authority.split_once(':').map_or((authority, None), |(h, p)| (h, Some(p)));
    let label = |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !host.split('.').all(label) {
        return None;
    }
    let host = host.to_ascii_lowercase();
    match port {
        None => Some(host),
        Some("443") if scheme.ends_with("https") => Some(host),
        Some("80") if scheme.ends_with("http") => Some(host),
        Some("22") if scheme.ends_with("ssh") => Some(host),
        Some("9418") if scheme == "git" => Some(host),
        Some(port) => port.parse::<u16>().ok().filter(|p| *p > 0).map(|p| format!("{host}:{p}")),
    }
}

fn is_path_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~' | b'+')
}

/// Refuses what looks like something else: any character beyond plain ASCII.
fn plain(text: &str) -> Result<(), Fault> {
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        Some(c) => Err(confusable(text, format!("U+{:04X}", u32::from(c)))),
        None => Ok(()),
    }
}

fn confusable(text: &str, character: String) -> Fault {
    Fault::NameConfusable { field: "repository".to_owned(), value: quote(text), character }
}

fn malformed(text: &str, reason: &str) -> Fault {
    Fault::Malformed { format: "repository", at: quote(text), reason: reason.to_owned() }
}

/// `https://HOST/PATH` without `https://HOST/`.
pub(crate) fn without_server(url: &str) -> Option<&str> {
    url.split_once("://")?.1.split_once('/').map(|(_, path)| path)
}

/// Splits `URL@REF`. Repositories' paths have no `@`, but refs may (`refs/tags/@scope/name@1.0.0`): the first `@` of the
/// path is the one. The same for `WORKFLOW@REF`.
pub(crate) fn split_ref(uri: &str) -> (&str, Option<&str>) {
    let path_at = uri.find("://").map_or(0, |i| i.saturating_add(3));
    let path_at = uri.get(path_at..).and_then(|r| r.find('/')).map_or(uri.len(), |i| path_at.saturating_add(i));
    match uri.get(path_at..).and_then(|path| path.find('@')) {
        Some(i) => {
            let i = path_at.saturating_add(i);
            (uri.get(..i).unwrap_or(uri), uri.get(i.saturating_add(1)..).filter(|r| !r.is_empty()))
        }
        None => (uri, None),
    }
}

/// The name of the branch that `reference` is.
#[must_use]
pub fn branch(reference: &str) -> Option<&str> {
    reference.strip_prefix("refs/heads/").filter(|name| !name.is_empty())
}

/// The name of the tag that `reference` is.
#[must_use]
pub fn tag(reference: &str) -> Option<&str> {
    reference.strip_prefix("refs/tags/").filter(|name| !name.is_empty())
}

/// `URL/PATH@REF` of a workflow (`https://github.com/OWNER/NAME/.github/workflows/FILE@REF`) or of a pipeline's
/// definition (`https://gitlab.com/GROUP/NAME//.gitlab-ci.yml@REF`), taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workflow<'a> {
    pub(crate) repository: &'a str,
    pub(crate) path: &'a str,
    pub(crate) reference: Option<&'a str>,
}

impl<'a> Workflow<'a> {
    pub(crate) fn parse(uri: &'a str) -> Option<Self> {
        let (body, reference) = split_ref(uri);
        let start = body.find("://")?.checked_add(3)?;
        let rest = body.get(start..)?;
        let (length, skip) = match rest.find("//") {
            Some(i) => (i, 2),
            // host, owner, name
            None => (rest.match_indices('/').nth(2)?.0, 1),
        };
        let end = start.checked_add(length)?;
        let path = body.get(end.checked_add(skip)?..).filter(|p| !p.is_empty())?;
        Some(Self { repository: body.get(..end)?, path, reference })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Option<String> {
        Repository::parse(text).ok().map(|r| r.0)
    }

    #[test]
    fn one_repository_many_spellings() {
        for text in [
            "https://github.com/Owner/name",
            "https://GitHub.com/Owner/name/",
            "https://github.com/Owner/name.git",
            "git+https://github.com:443/Owner/name",
            "http://github.com/Owner/name",
            "git://github.com/Owner/name.git",
            "ssh://git@github.com/Owner/name",
            "git@github.com:Owner/name.git",
        ] {
            assert_eq!(canonical(text).as_deref(), Some("https://github.com/Owner/name"), "{text}");
        }
        assert_ne!(canonical("https://github.com/owner/name"), canonical("https://github.com/Owner/name"));
        assert_eq!(canonical("https://h.example:8443/a/b/c").as_deref(), Some("https://h.example:8443/a/b/c"));
    }

    #[test]
    fn what_is_no_repository() {
        for text in [
            "",
            "github.com/o/n",
            "https://github.com",
            "https://github.com/",
            "https://github.com/o/../n",
            "https://github.com//n",
            "https://user:pw@github.com/o/n",
            "https://github.com/o/n?x=1",
            "https://github.com/o/n#x",
            "https://github.com/o/%6e",
            "file:///o/n",
            "https://github.com:0/o/n",
            "https://github.com@evil.example/o/n",
            "https://-_/o/n",
            "git@github.com/o/n",
        ] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }

    #[test]
    fn confusables_are_refused_by_name() {
        for text in [
            "https://github.com/o/nаme",
            "https://gіthub.com/o/n",
            "https://xn--gthub-n4a.com/o/n",
            "https://github.com/o/n\u{200b}",
            "https://github.com/o/n ",
        ] {
            assert_eq!(Repository::parse(text).unwrap_err().code(), "name_confusable", "{text}");
        }
    }

    #[test]
    fn refs_begin_at_the_first_at_sign_of_the_path() {
        assert_eq!(split_ref("git+https://h/o/n@refs/tags/@s/p@1"), ("git+https://h/o/n", Some("refs/tags/@s/p@1")));
        assert_eq!(split_ref("ssh://git@h/o/n"), ("ssh://git@h/o/n", None));
        assert_eq!(split_ref("https://h/o/n@"), ("https://h/o/n", None));
        assert_eq!(split_ref("a@b").1, None);
    }

    #[test]
    fn workflows_are_taken_apart() {
        let w = Workflow::parse("https://github.com/o/.github/.github/workflows/x.yml@refs/tags/v1").unwrap();
        assert_eq!((w.repository, w.path), ("https://github.com/o/.github", ".github/workflows/x.yml"));
        assert_eq!(w.reference, Some("refs/tags/v1"));
        let w = Workflow::parse("https://gitlab.com/g/s/n//.gitlab-ci.yml@refs/heads/main").unwrap();
        assert_eq!((w.repository, w.path), ("https://gitlab.com/g/s/n", ".gitlab-ci.yml"));
        assert_eq!(Workflow::parse("https://github.com/o/n"), None);
    }

    #[test]
    fn servers_and_paths() {
        let r = Repository::parse("https://gitlab.com/g/s/n").unwrap();
        assert_eq!((r.server(), r.path()), ("https://gitlab.com", "g/s/n"));
    }
}
