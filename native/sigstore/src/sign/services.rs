//! Which services sign: a signing config
//! (<https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto>, `SigningConfig`), and the
//! choice among what it offers (client specification, section 4).

use reqwest::Url;
use serde::Deserialize;
use sigstore_trust_root::{SIGSTORE_PRODUCTION_SIGNING_CONFIG, SIGSTORE_STAGING_SIGNING_CONFIG};

use crate::encoding::from_json;
use crate::error::{Fault, Result, quote};
use crate::limits::{Limits, within};
use crate::net::service_url;
use crate::time::{Time, Validity};
use crate::trust_root::Instance;

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

/// The most services of one kind.
const MOST_SERVICES: u64 = 64;

/// A signing config: what an instance offers to signers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningConfig {
    certificate_authorities: Vec<Service>,
    logs: Vec<Service>,
    logs_wanted: Wanted,
    timestamp_authorities: Vec<Service>,
    timestamps_wanted: Wanted,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) url: Url,
    pub(super) version: u64,
    operator: String,
    validity: Validity,
}

/// How many operators' services are to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    All,
    Some(usize),
}

/// Services of one kind, of which `wanted` groups must do their part. Within a group each may stand in for the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) groups: Vec<Vec<Service>>,
    pub(super) wanted: usize,
}

impl SigningConfig {
    /// The embedded signing config of an instance; GitHub's own instance has none that others may use.
    ///
    /// # Errors
    /// `option_invalid` for GitHub's instance.
    pub fn embedded(instance: Instance) -> Result<Self> {
        let json = match instance {
            Instance::PublicGood => SIGSTORE_PRODUCTION_SIGNING_CONFIG,
            Instance::Staging => SIGSTORE_STAGING_SIGNING_CONFIG,
            Instance::GitHub => {
                let expected = "public_good, staging or a signing config: GitHub's own instance signs for GitHub only";
                return Err(Fault::OptionInvalid { option: "services".to_owned(), expected }.into());
            }
        };
        Self::parse(json.as_bytes(), &Limits::default())
    }

    /// Reads a signing config, JSON.
    ///
    /// # Errors
    /// `input_too_large`, `malformed`, `signing_config_invalid`.
    pub fn parse(json: &[u8], limits: &Limits) -> Result<Self> {
        within("signing config", limits.trust_root_bytes, json.len())?;
        let wire: WireConfig = from_json("signing config", json, limits)?;
        if wire.media_type != MEDIA_TYPE {
            let reason = format!("media type \"{}\" is not supported", quote(&wire.media_type));
            return Err(invalid("mediaType", &reason));
        }
        Ok(Self {
            certificate_authorities: services("caUrls", wire.ca_urls)?,
            logs: services("rekorTlogUrls", wire.rekor_tlog_urls)?,
            logs_wanted: wanted("rekorTlogConfig", wire.rekor_tlog_config)?,
            timestamp_authorities: services("tsaUrls", wire.tsa_urls)?,
            timestamps_wanted: wanted("tsaConfig", wire.tsa_config)?,
        })
    }

    /// Certificate authorities: Fulcio, whose API's major version is 1 in signing configs.
    pub(super) fn certificate_authorities(&self, now: Time) -> Result<Choice> {
        choose("a certificate authority", &self.certificate_authorities, 1, Wanted::Some(1), now)
    }

    /// Logs: Rekor up to version 2, or just `version`.
    pub(super) fn logs(&self, version: Option<u64>, now: Time) -> Result<Choice> {
        let logs: Vec<_> = self.logs.iter().filter(|log| version.is_none_or(|v| v == log.version)).cloned().collect();
        choose("a transparency log", &logs, 2, self.logs_wanted, now)
    }

    /// Timestamp authorities.
    pub(super) fn timestamp_authorities(&self, now: Time) -> Result<Choice> {
        choose("a timestamp authority", &self.timestamp_authorities, 1, self.timestamps_wanted, now)
    }

    /// Whether it names a timestamp authority at all.
    pub(super) fn has_timestamp_authorities(&self) -> bool {
        !self.timestamp_authorities.is_empty()
    }
}

/// The services that are in use `now` and speak a version up to `newest`: of each operator those of its highest version.
fn choose(kind: &'static str, all: &[Service], newest: u64, wanted: Wanted, now: Time) -> Result<Choice> {
    let usable = all.iter().filter(|s| (1..=newest).contains(&s.version) && s.validity.contains(now));
    let mut groups: Vec<Vec<Service>> = Vec::new();
    for service in usable {
        // Of those without an operator nobody knows that they share one.
        let same = |group: &&mut Vec<Service>| {
            !service.operator.is_empty() && group.first().is_some_and(|first| first.operator == service.operator)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(service.clone()),
            None => groups.push(vec![service.clone()]),
        }
    }
    for group in &mut groups {
        let highest = group.iter().map(|s| s.version).max();
        group.retain(|s| Some(s.version) == highest);
        // What began last is what its operator wants used.
        group.sort_by_key(|s| std::cmp::Reverse(s.validity.start));
    }
    // A newer interface first: what is asked of the others is only to stand in.
    groups.sort_by_key(|group| std::cmp::Reverse(group.first().map(|s| s.version)));
    let wanted = match wanted {
        Wanted::All => groups.len().max(1),
        Wanted::Some(n) => n,
    };
    if groups.len() < wanted {
        let found = u64::try_from(groups.len()).unwrap_or(u64::MAX);
        return Err(Fault::ServiceMissing { kind, wanted: u64::try_from(wanted).unwrap_or(u64::MAX), found }.into());
    }
    Ok(Choice { groups, wanted })
}

fn services(at: &'static str, wire: Option<Vec<WireService>>) -> Result<Vec<Service>> {
    let wire = wire.unwrap_or_default();
    within("services of a kind", MOST_SERVICES, wire.len())?;
    let read = |(i, service): (usize, WireService)| {
        let at = format!("{at}[{i}]");
        let url = service_url(&at, &service.url).map_err(|_| invalid(&at, "its URL is not a service's"))?;
        let validity = service.valid_for.unwrap_or_default();
        let time = |text: Option<String>| match text {
            None => Ok(None),
            Some(text) => Time::parse_rfc3339(&text).map(Some).ok_or_else(|| invalid(&at, "its validity is no time")),
        };
        Ok(Service {
            url,
            version: service.major_api_version.unwrap_or_default(),
            operator: service.operator.unwrap_or_default(),
            validity: Validity { start: time(validity.start)?, end: time(validity.end)? },
        })
    };
    wire.into_iter().enumerate().map(read).collect()
}

fn wanted(at: &'static str, wire: Option<WireWanted>) -> Result<Wanted> {
    let wire = wire.unwrap_or_default();
    match (wire.selector.as_deref(), wire.count.unwrap_or_default()) {
        (Some("ANY"), _) => Ok(Wanted::Some(1)),
        (Some("ALL"), _) => Ok(Wanted::All),
        (Some("EXACT"), n) if (1..=MOST_SERVICES).contains(&n) => {
            Ok(Wanted::Some(usize::try_from(n).unwrap_or(usize::MAX)))
        }
        (Some("EXACT"), _) => Err(invalid(at, "EXACT needs a count of at least one")),
        // No services of the kind, no selector.
        (None | Some("SERVICE_SELECTOR_UNDEFINED"), _) => Ok(Wanted::Some(1)),
        (Some(other), _) => Err(invalid(at, &format!("selector \"{}\" is unknown", quote(other)))),
    }
}

fn invalid(at: &str, reason: &str) -> crate::Error {
    Fault::SigningConfigInvalid { at: at.to_owned(), reason: reason.to_owned() }.into()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireConfig {
    #[serde(alias = "media_type")]
    media_type: String,
    #[serde(alias = "ca_urls")]
    ca_urls: Option<Vec<WireService>>,
    #[serde(alias = "rekor_tlog_urls")]
    rekor_tlog_urls: Option<Vec<WireService>>,
    #[serde(alias = "rekor_tlog_config")]
    rekor_tlog_config: Option<WireWanted>,
    #[serde(alias = "tsa_urls")]
    tsa_urls: Option<Vec<WireService>>,
    #[serde(alias = "tsa_config")]
    tsa_config: Option<WireWanted>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireService {
    url: String,
    #[serde(alias = "major_api_version")]
    major_api_version: Option<u64>,
    #[serde(alias = "valid_for")]
    valid_for: Option<WireValidity>,
    operator: Option<String>,
}

#[derive(Deserialize, Default)]
struct WireValidity {
    start: Option<String>,
    end: Option<String>,
}

#[derive(Deserialize, Default)]
struct WireWanted {
    selector: Option<String>,
    count: Option<u64>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn service(url: &str, version: u64, operator: &str, start: &str) -> Value {
        json!({"url": url, "majorApiVersion": version, "operator": operator, "validFor": {"start": start}})
    }

    fn config(logs: Value, wanted: Value) -> Result<SigningConfig> {
        let json = json!({"mediaType": MEDIA_TYPE, "rekorTlogUrls": logs, "rekorTlogConfig": wanted});
        SigningConfig::parse(json.to_string().as_bytes(), &Limits::default())
    }

    fn chosen(logs: Value, wanted: Value) -> Result<(Vec<Vec<String>>, usize), &'static str> {
        let now = Time::parse_rfc3339("2026-01-01T00:00:00Z").unwrap();
        let choice = config(logs, wanted).and_then(|c| c.logs(None, now)).map_err(|e| e.code())?;
        let urls = |group: &Vec<Service>| group.iter().map(|s| s.url.host_str().unwrap().to_owned()).collect();
        Ok((choice.groups.iter().map(urls).collect(), choice.wanted))
    }

    #[test]
    fn the_embedded_configs_have_what_signing_needs() {
        let now = Time::from_seconds(crate::EMBEDDED_AS_OF);
        for instance in [Instance::PublicGood, Instance::Staging] {
            let config = SigningConfig::embedded(instance).unwrap();
            assert_eq!(config.certificate_authorities(now).unwrap().wanted, 1);
            assert!(!config.logs(None, now).unwrap().groups.is_empty());
        }
        assert_eq!(SigningConfig::embedded(Instance::GitHub).unwrap_err().code(), "option_invalid");
    }

    #[test]
    fn one_of_each_operator_of_its_highest_version() {
        let logs = json!([
            service("https://a1", 1, "a", "2020-01-01T00:00:00Z"),
            service("https://a2-old", 2, "a", "2020-01-01T00:00:00Z"),
            service("https://a2", 2, "a", "2024-01-01T00:00:00Z"),
            service("https://a3", 3, "a", "2020-01-01T00:00:00Z"),
            service("https://later", 2, "a", "2027-01-01T00:00:00Z"),
            service("https://b1", 1, "b", "2020-01-01T00:00:00Z"),
            service("https://x", 1, "", "2020-01-01T00:00:00Z"),
            service("https://y", 1, "", "2020-01-01T00:00:00Z"),
        ]);
        let groups = |names: &[&[&str]]| names.iter().map(|g| g.iter().map(|n| (*n).to_owned()).collect()).collect();
        let all: Vec<Vec<String>> = groups(&[&["a2", "a2-old"], &["b1"], &["x"], &["y"]]);
        assert_eq!(chosen(logs.clone(), json!({"selector": "ANY"})), Ok((all.clone(), 1)));
        assert_eq!(chosen(logs.clone(), json!({"selector": "ALL"})), Ok((all.clone(), 4)));
        assert_eq!(chosen(logs.clone(), json!({"selector": "EXACT", "count": 2})), Ok((all, 2)));
        assert_eq!(chosen(logs.clone(), json!({"selector": "EXACT", "count": 5})), Err("service_missing"));
        assert_eq!(chosen(logs.clone(), json!({"selector": "EXACT"})), Err("signing_config_invalid"));
        assert_eq!(chosen(logs, json!({"selector": "SOME"})), Err("signing_config_invalid"));
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        let past = json!([{"url": "https://a", "majorApiVersion": 1, "validFor": {"end": "2020-01-01T00:00:00Z"}}]);
        assert_eq!(chosen(past, json!({"selector": "ANY"})), Err("service_missing"));
        for url in ["ftp://a", "https://a?b", "a"] {
            let logs = json!([service(url, 1, "a", "2020-01-01T00:00:00Z")]);
            assert_eq!(chosen(logs, json!({"selector": "ANY"})), Err("signing_config_invalid"), "{url}");
        }
        let soon = json!([service("https://a", 1, "a", "soon")]);
        assert_eq!(chosen(soon, json!({"selector": "ANY"})), Err("signing_config_invalid"));
        assert_eq!(config(json!([]), json!([])).unwrap_err().code(), "malformed");
    }
}
