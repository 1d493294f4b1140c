//! Identity tokens (OpenID Connect): what they claim, read and not verified. Fulcio verifies them; what is read here says
//! what certificate to expect, and spares a request that cannot succeed.

use std::fmt;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::encoding::{base64_decode, parse_strict};
use crate::error::{Fault, Result, quote};
use crate::identity::{Identity, Matcher};
use crate::limits::Limits;
use crate::time::Time;

/// The audience that Sigstore's instances ask for.
pub const AUDIENCE: &str = "sigstore";

/// The longest token that is read, in bytes.
const MOST_BYTES: u64 = 64 << 10;

/// An identity token. It is a secret: never printed, wiped when dropped.
pub struct IdentityToken {
    raw: Zeroizing<String>,
    claims: Value,
}

impl fmt::Debug for IdentityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityToken(..)")
    }
}

impl IdentityToken {
    /// Reads a token: a JSON Web Token in compact form (RFC 7519).
    ///
    /// # Errors
    /// `token_invalid`, `input_too_large`.
    pub fn parse(raw: &str) -> Result<Self> {
        let raw = raw.trim();
        crate::limits::within("identity token", MOST_BYTES, raw.len())?;
        let parts: Vec<_> = raw.split('.').collect();
        let [_, payload, _] = parts.as_slice() else {
            return Err(invalid("form", "it is not three parts with dots between them"));
        };
        let json = base64_decode(payload).ok_or_else(|| invalid("form", "its claims are not base64url"))?;
        let limits = Limits { json_depth: 16, json_values: 4096, ..Limits::default() };
        // What the parser says of it may repeat it.
        let claims = parse_strict("identity token", &json, &limits)
            .map_err(|_| invalid("form", "its claims are not a JSON document"))?;
        let token = Self { raw: Zeroizing::new(raw.to_owned()), claims };
        token.issuer()?;
        Ok(token)
    }

    /// Refuses a token for another audience, or one that is not valid at `now`.
    ///
    /// # Errors
    /// `token_invalid`.
    pub fn check(&self, audience: &str, now: Time) -> Result<()> {
        let fits = match self.claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(several)) => several.iter().any(|one| one == audience),
            _ => false,
        };
        if !fits {
            let given = self.claims.get("aud").map_or_else(|| "none".to_owned(), Value::to_string);
            return Err(invalid("aud", &format!("it is for the audience {}, not {audience}", quote(&given))));
        }
        let seconds = |name| self.claims.get(name).and_then(Value::as_f64);
        let now = now.seconds;
        #[allow(clippy::cast_precision_loss, reason = "exact for thousands of years")]
        match (seconds("exp"), seconds("nbf")) {
            (None, _) => Err(invalid("exp", "it does not say until when it is valid")),
            (Some(expiry), _) if expiry <= now as f64 => {
                Err(invalid("exp", &format!("it expired at {expiry}, and this machine's clock says {now}")))
            }
            (_, Some(start)) if start > now.saturating_add(LEEWAY) as f64 => {
                Err(invalid("nbf", &format!("it is valid from {start}, and this machine's clock says {now}")))
            }
            _ => Ok(()),
        }
    }

    /// Who the certificate should name: one of these.
    ///
    /// # Errors
    /// `token_invalid`.
    pub fn expected(&self) -> Result<Vec<Identity>> {
        let san = self.subject_name()?;
        // Dex hands on what another provider said: Fulcio then names that one.
        let federated = self.claims.pointer("/federated_claims/connector_id").and_then(Value::as_str);
        let issuers = [Some(self.issuer()?), federated];
        let expected = |issuer: &str| {
            Ok(Identity { san: Some(san.clone()), issuer: Some(Matcher::exact(issuer)?), claims: Vec::new() })
        };
        issuers.into_iter().flatten().map(expected).collect()
    }

    /// The subject alternative name that Fulcio makes of the token
    /// (<https://github.com/sigstore/fulcio/blob/main/docs/oidc.md>).
    fn subject_name(&self) -> Result<Matcher> {
        if let Some(workflow) = self.text("job_workflow_ref") {
            // An enterprise's own server has an address of its own.
            let github = self.issuer()?.starts_with("https://token.actions.githubusercontent.com");
            let server = if github { "https://github.com/" } else { "https://*/" };
            return Ok(Matcher::pattern(&format!("{server}{}", literally(workflow)))?);
        }
        if let Some(config) = self.text("ci_config_ref_uri") {
            return Ok(Matcher::exact(&format!("https://{config}"))?);
        }
        if let Some(email) = self.text("email") {
            return match self.claims.get("email_verified") {
                Some(Value::Bool(true)) => Ok(Matcher::exact(email)?),
                _ => Err(invalid("email_verified", "its issuer has not verified the e-mail address")),
            };
        }
        let subject = self.text("sub").ok_or_else(|| invalid("sub", "it names nobody"))?;
        Ok(Matcher::exact(subject)?)
    }

    pub(super) fn issuer(&self) -> Result<&str> {
        self.text("iss").ok_or_else(|| invalid("iss", "it names no issuer"))
    }

    pub(super) fn secret(&self) -> &str {
        &self.raw
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }
}

/// What clocks may differ by, in seconds.
const LEEWAY: i64 = 60;

/// `text` as a pattern for itself.
fn literally(text: &str) -> String {
    text.replace('\\', r"\\").replace('*', r"\*")
}

fn invalid(claim: &'static str, reason: &str) -> crate::Error {
    Fault::TokenInvalid { claim, reason: reason.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::encoding::base64_encode_unpadded;

    fn token(claims: &Value) -> Result<IdentityToken> {
        IdentityToken::parse(&format!("e30.{}.c2VjcmV0", base64_encode_unpadded(claims.to_string().as_bytes())))
    }

    fn name(mut claims: Value) -> Result<String> {
        claims["iss"] = "https://issuer.example".into();
        token(&claims)?.subject_name().map(|name| name.source().to_owned())
    }

    #[test]
    fn what_fulcio_will_say_is_known_beforehand() {
        let github = json!({"job_workflow_ref": "a/b/.github/workflows/x.yml@refs/heads/*", "sub": "repo:a/b"});
        assert_eq!(name(github).unwrap(), r"https://*/a/b/.github/workflows/x.yml@refs/heads/\*");
        let gitlab = json!({"ci_config_ref_uri": "gitlab.com/a/b//.gitlab-ci.yml@refs/heads/main"});
        assert_eq!(name(gitlab).unwrap(), "https://gitlab.com/a/b//.gitlab-ci.yml@refs/heads/main");
        assert_eq!(name(json!({"email": "a@b", "email_verified": true, "sub": "1"})).unwrap(), "a@b");
        assert_eq!(name(json!({"email": "a@b", "sub": "1"})).unwrap_err().code(), "token_invalid");
        assert_eq!(name(json!({"sub": "spiffe://a/b"})).unwrap(), "spiffe://a/b");
        assert_eq!(name(json!({})).unwrap_err().code(), "token_invalid");
    }

    #[test]
    fn audience_and_times_are_checked() {
        let check = |claims: Value| {
            let token = token(&claims).unwrap();
            token.check(AUDIENCE, Time::from_seconds(1000)).map_err(|e| e.fault().to_string())
        };
        let base = |more: Value| {
            let mut claims = json!({"iss": "x", "aud": "sigstore", "exp": 1001});
            more.as_object().unwrap().iter().for_each(|(k, v)| claims[k] = v.clone());
            claims
        };
        assert_eq!(check(base(json!({}))), Ok(()));
        assert_eq!(check(base(json!({"aud": ["x", "sigstore"], "nbf": 1060}))), Ok(()));
        for (wrong, word) in [
            (json!({"aud": "other"}), "audience"),
            (json!({"aud": null}), "audience"),
            (json!({"exp": 1000}), "expired"),
            (json!({"exp": null}), "until when"),
            (json!({"nbf": 1061}), "valid from"),
        ] {
            assert!(check(base(wrong.clone())).unwrap_err().contains(word), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_never_told() {
        let long = "e30.".to_owned() + &"x".repeat(70_000) + ".c2VjcmV0";
        for raw in ["c2VjcmV0", "a.b", "a.!.c", "e30.e30.c2VjcmV0", "e30.bm8ganNvbg.c2VjcmV0", &long] {
            let error = IdentityToken::parse(raw).unwrap_err();
            assert!(!error.to_string().contains("c2VjcmV0") && !error.to_string().contains("no json"), "{error}");
        }
        let token = token(&json!({"iss": "x", "sub": "y"})).unwrap();
        assert_eq!(format!("{token:?}"), "IdentityToken(..)");
    }
}
