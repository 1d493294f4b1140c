//// The contract cases through the Gleam face, and what it adds. Exits non-zero when one fails.

import hex_provenance/bundle
import hex_provenance/claim.{type Claim}
import hex_provenance/error.{type Failure}
import hex_provenance/evidence.{type Evidence}
import hex_provenance/json.{type Json}
import hex_provenance/option.{None, Some}
import hex_provenance/signing
import hex_provenance/sigstore.{type Artifact, type Options, Options}
import hex_provenance/trust_root

pub type Case {
  Case(
    name: String,
    bundle: BitArray,
    artifact: Artifact,
    options: Json,
    expect: String,
    check: List(#(String, Json)),
  )
}

pub fn main() {
  let counts = contract(all_cases(), Counts(0, 0, 0))
  let counts = unit_tests() |> run(counts)
  finish(counts.passed, counts.failed, counts.skipped)
}

pub type Counts {
  Counts(passed: Int, failed: Int, skipped: Int)
}

type UnitTest =
  #(String, fn() -> Bool)

fn run(tests: List(UnitTest), counts: Counts) -> Counts {
  case tests {
    [] -> counts
    [#(name, body), ..rest] -> run(rest, count(counts, name, body()))
  }
}

fn count(counts: Counts, name: String, passed: Bool) -> Counts {
  case passed {
    True -> Counts(..counts, passed: counts.passed + 1)
    False -> {
      print("FAILED " <> name <> "\n")
      Counts(..counts, failed: counts.failed + 1)
    }
  }
}

fn contract(cases: List(Case), counts: Counts) -> Counts {
  case cases {
    [] -> counts
    [one, ..rest] ->
      case options(one.options) {
        // Said by no options of this face: its types are stricter.
        Error(Nil) ->
          contract(rest, Counts(..counts, skipped: counts.skipped + 1))
        Ok(options) ->
          contract(rest, count(counts, one.name, holds(one, options)))
      }
  }
}

fn holds(one: Case, options: Options) -> Bool {
  let answer = sigstore.verify(one.bundle, one.artifact, options)
  let many = sigstore.verify_many([#(one.bundle, one.artifact)], options)
  let holds = case answer {
    Ok(found) ->
      one.expect == "ok" && all(one.check, fn(c) { stands(c, found) })
    Error(failure) -> one.expect == error.code_name(failure.code)
  }
  holds && many == [answer]
}

/// What a case says of a result, by the names the other languages have for it, as far as this face has types of its own.
fn stands(stated: #(String, Json), found: Evidence) -> Bool {
  case stated {
    #("media_type", json.String(text)) -> found.media_type == text
    #("signer.kind", json.String("certificate")) -> is_certificate(found.signer)
    #("signer.kind", json.String("key")) -> !is_certificate(found.signer)
    #("signer.identity", json.String(text)) ->
      case found.signer {
        evidence.CertificateSigner(identity: identity, ..) -> identity == text
        evidence.KeySigner(..) -> False
      }
    #("signer.issuer", json.String(text)) ->
      case found.signer {
        evidence.CertificateSigner(issuer: issuer, ..) -> issuer == Some(text)
        evidence.KeySigner(..) -> False
      }
    #("transparency", json.String("log")) ->
      found.transparency == evidence.Logged
    #("transparency", json.String("none")) ->
      found.transparency == evidence.Unlogged
    #("trust.instance", json.String(text)) -> found.trust.instance == text
    #("ignored_timestamps", json.Int(number)) ->
      found.ignored_timestamps == number
    #("log_entries.length", json.Int(number)) ->
      length(found.log_entries) == number
    #("times.length", json.Int(number)) -> length(found.times) == number
    #("content", json.String("message")) -> found.content == evidence.Message
    _ -> True
  }
}

fn is_certificate(signer: evidence.Signer) -> Bool {
  case signer {
    evidence.CertificateSigner(..) -> True
    evidence.KeySigner(..) -> False
  }
}

/// The options of a case in this face's types.
fn options(stated: Json) -> Result(Options, Nil) {
  let assert json.Object(members) = stated
  fold(members, Ok(sigstore.default_options()), fn(sofar, member) {
    case sofar, member {
      Ok(o), #("trust", value) ->
        map(trust(value), fn(trust) { Options(..o, trust: trust) })
      Ok(o), #("identity", value) ->
        map(signer(value), fn(signer) { Options(..o, signer: signer) })
      Ok(o), #("keys", json.Array(values)) ->
        case o.signer {
          sigstore.Unstated ->
            map(traverse(values, key), fn(keys) {
              Options(..o, signer: sigstore.Keys(keys))
            })
          _ -> Error(Nil)
        }
      Ok(o), #("untimed", json.Bool(untimed)) ->
        Ok(Options(..o, untimed: untimed))
      Ok(o), #("thresholds", value) ->
        map(thresholds(value), fn(stated) {
          Options(..o, thresholds: Some(stated))
        })
      Ok(o), #("limits", json.Object(limits)) ->
        map(traverse(limits, limit), fn(limits) { Options(..o, limits: limits) })
      _, _ -> Error(Nil)
    }
  })
}

fn trust(stated: Json) -> Result(List(sigstore.Trust), Nil) {
  case stated {
    json.String("none") -> Ok([])
    json.Array([_, ..] as sources) -> traverse(sources, source)
    json.Array([]) -> Error(Nil)
    one -> map(source(one), fn(source) { [source] })
  }
}

fn source(stated: Json) -> Result(sigstore.Trust, Nil) {
  case stated {
    json.String("public_good") -> Ok(built_in(trust_root.PublicGood))
    json.String("staging") -> Ok(built_in(trust_root.Staging))
    json.String("github") -> Ok(built_in(trust_root.Github))
    json.Object([#("file", json.String(name))]) ->
      Ok(sigstore.From(trust_root.File(fixture(name))))
    _ -> Error(Nil)
  }
}

fn built_in(instance: trust_root.Instance) -> sigstore.Trust {
  sigstore.From(trust_root.BuiltIn(instance))
}

fn signer(stated: Json) -> Result(sigstore.Signer, Nil) {
  case stated {
    json.String("unchecked") -> Ok(sigstore.Unchecked)
    json.Object(_) -> map(identity(stated), fn(one) { sigstore.AnyOf([one]) })
    json.Array(identities) ->
      map(traverse(identities, identity), sigstore.AnyOf)
    _ -> Error(Nil)
  }
}

fn identity(stated: Json) -> Result(sigstore.Identity, Nil) {
  let assert json.Object(members) = stated
  let nobody = sigstore.Identity(san: None, issuer: None, claims: [])
  fold(members, Ok(nobody), fn(sofar, member) {
    case sofar, member {
      Ok(i), #("san", value) ->
        map(matcher(value), fn(m) { sigstore.Identity(..i, san: Some(m)) })
      Ok(i), #("issuer", value) ->
        map(matcher(value), fn(m) { sigstore.Identity(..i, issuer: Some(m)) })
      Ok(i), #("claims", json.Object(claims)) ->
        map(traverse(claims, claim), fn(claims) {
          sigstore.Identity(..i, claims: claims)
        })
      _, _ -> Error(Nil)
    }
  })
}

fn claim(stated: #(String, Json)) {
  case claim_named(stated.0), matcher(stated.1) {
    Ok(name), Ok(matcher) -> Ok(#(name, matcher))
    _, _ -> Error(Nil)
  }
}

fn matcher(stated: Json) -> Result(sigstore.Matcher, Nil) {
  case stated {
    json.String(text) -> Ok(sigstore.Exact(text))
    json.Object([#("pattern", json.String(text))]) -> Ok(sigstore.Pattern(text))
    _ -> Error(Nil)
  }
}

fn key(stated: Json) -> Result(sigstore.Key, Nil) {
  let assert json.Object(members) = stated
  let spki = case json.member(stated, "pem"), json.member(stated, "der") {
    Ok(json.Object([#("file", json.String(name))])), Error(Nil) ->
      Ok(sigstore.Pem(contents(name)))
    Ok(json.String(text)), Error(Nil) -> Ok(sigstore.Pem(text))
    _, _ -> Error(Nil)
  }
  let key =
    map(spki, fn(spki) {
      sigstore.Key(spki: spki, hint: None, valid_from: None, valid_to: None)
    })
  fold(members, key, fn(sofar, member) {
    case sofar, member {
      Ok(_), #("pem", _) -> sofar
      Ok(k), #("hint", json.String(text)) ->
        Ok(sigstore.Key(..k, hint: Some(text)))
      Ok(k), #("valid_from", json.Int(time)) ->
        Ok(sigstore.Key(..k, valid_from: Some(time)))
      Ok(k), #("valid_to", json.Int(time)) ->
        Ok(sigstore.Key(..k, valid_to: Some(time)))
      _, _ -> Error(Nil)
    }
  })
}

fn thresholds(stated: Json) -> Result(sigstore.Thresholds, Nil) {
  let assert json.Object(members) = stated
  let usual = sigstore.Thresholds(log_entries: 1, timestamps: 0, scts: 1)
  fold(members, Ok(usual), fn(sofar, member) {
    case sofar, member {
      Ok(t), #("log_entries", json.Int(n)) ->
        Ok(sigstore.Thresholds(..t, log_entries: n))
      Ok(t), #("timestamps", json.Int(n)) ->
        Ok(sigstore.Thresholds(..t, timestamps: n))
      Ok(t), #("scts", json.Int(n)) -> Ok(sigstore.Thresholds(..t, scts: n))
      _, _ -> Error(Nil)
    }
  })
}

fn limit(stated: #(String, Json)) -> Result(sigstore.Limit, Nil) {
  case stated {
    #("bundle_bytes", json.Int(n)) -> Ok(sigstore.BundleBytes(n))
    #("trust_root_bytes", json.Int(n)) -> Ok(sigstore.TrustRootBytes(n))
    #("json_depth", json.Int(n)) -> Ok(sigstore.JsonDepth(n))
    #("json_values", json.Int(n)) -> Ok(sigstore.JsonValues(n))
    #("log_entries", json.Int(n)) -> Ok(sigstore.LogEntries(n))
    #("proof_hashes", json.Int(n)) -> Ok(sigstore.ProofHashes(n))
    #("checkpoint_signatures", json.Int(n)) ->
      Ok(sigstore.CheckpointSignatures(n))
    #("timestamps", json.Int(n)) -> Ok(sigstore.Timestamps(n))
    #("timestamp_bytes", json.Int(n)) -> Ok(sigstore.TimestampBytes(n))
    #("chain_certificates", json.Int(n)) -> Ok(sigstore.ChainCertificates(n))
    #("certificate_bytes", json.Int(n)) -> Ok(sigstore.CertificateBytes(n))
    #("subjects", json.Int(n)) -> Ok(sigstore.Subjects(n))
    #("message_bytes", json.Int(n)) -> Ok(sigstore.MessageBytes(n))
    _ -> Error(Nil)
  }
}

fn unit_tests() -> List(UnitTest) {
  [
    #("a trust root says what it is", fn() {
      let assert Ok(root) =
        trust_root.load(trust_root.BuiltIn(trust_root.PublicGood))
      let assert Ok(info) = trust_root.info(root)
      info.instance == "public_good"
      && info.source == trust_root.Embedded
      && info.transparency_logs > 0
    }),
    #("a trust root that cannot be loaded is told", fn() {
      case trust_root.load(trust_root.File("no/such/file")) {
        Error(failure) ->
          failure.code == error.StorageFailed
          && failure.stage == error.Storage
          && has_text(failure, "path", "no/such/file")
        Ok(_) -> False
      }
    }),
    #("an unverified bundle can be looked at", fn() {
      let assert [one, ..] = all_cases()
      case bundle.info(one.bundle) {
        Ok(bundle.Unverified(
          signer: bundle.CertificateSigner(sans: sans, ..),
          ..,
        )) -> sans != []
        Ok(bundle.Unverified(signer: bundle.KeySigner(hint), ..)) -> hint != ""
        Error(_) -> False
      }
    }),
    #("a failure describes itself", fn() {
      let assert Error(failure) = bundle.info(<<"{":utf8>>)
      failure.code == error.Malformed
      && contains(error.describe(failure), "(malformed)")
      && contains(error.describe(failure), failure.remedy)
    }),
    #("a prepared trust root is used", fn() {
      let assert [one, ..] = all_cases()
      let assert Ok(root) =
        trust_root.load(trust_root.BuiltIn(trust_root.Staging))
      let options =
        Options(
          ..sigstore.default_options(),
          trust: [sigstore.Prepared(root)],
          signer: sigstore.Unchecked,
        )
      case sigstore.verify(one.bundle, one.artifact, options) {
        Error(failure) -> failure.code == error.CertificateUntrusted
        Ok(_) -> False
      }
    }),
    #("a key signs, and its public part verifies", fn() {
      let pem = private_key()
      let assert Ok(key) = signing.load_key(signing.Pem(pem), None)
      let assert Ok(public) = signing.public_key(key)
      verifies(signing.Key(key), sigstore.Der(public.der))
      && public.algorithm == "ecdsa_p256"
    }),
    #("a key elsewhere signs", fn() {
      let pem = private_key()
      let public = sigstore.Pem(public_key(pem))
      verifies(signing.ExternalKey(public, sign_with(pem, _)), public)
    }),
    #("what a key elsewhere says is told", fn() {
      let public = sigstore.Pem(public_key(private_key()))
      let refuse = fn(_) { Error("no") }
      case sign_bytes(signing.ExternalKey(public, refuse)) {
        Error(failure) ->
          failure.code == error.SignerFailed && contains(failure.message, "no")
        Ok(_) -> False
      }
    }),
    #("without a token it says where it looked", fn() {
      without_token()
      case sign_bytes(signing.Ambient) {
        Error(failure) -> failure.code == error.TokenUnavailable
        Ok(_) -> False
      }
    }),
    #("what Hex is told of the network counts", fn() {
      let refreshed =
        with_environment("HEX_CACERTS_PATH", "no/such/file", fn() {
          trust_root.refresh(
            trust_root.Of(trust_root.Staging),
            trust_root.RefreshOptions(
              ..trust_root.default_refresh_options(),
              cache: trust_root.NoCache,
            ),
          )
        })
      case refreshed {
        Error(failure) ->
          failure.code == error.StorageFailed
          && has_text(failure, "path", "no/such/file")
        Ok(_) -> False
      }
    }),
    #("a token that is none is told, and not repeated", fn() {
      case sign_bytes(signing.Token(fn() { "s3cr3t" })) {
        Error(failure) ->
          failure.code == error.TokenInvalid
          && !contains(error.describe(failure), "s3cr3t")
        Ok(_) -> False
      }
    }),
  ]
}

fn sign_bytes(as_: signing.As) -> Result(signing.Signed, Failure) {
  signing.sign(
    signing.Of(sigstore.Bytes(<<"content":utf8>>)),
    signing.Options(
      ..signing.default_options(),
      as_: as_,
      services: signing.NoServices,
    ),
  )
}

fn verifies(as_: signing.As, public: sigstore.PublicKey) -> Bool {
  let assert Ok(signed) = sign_bytes(as_)
  let key = sigstore.Key(public, None, None, None)
  let options =
    Options(
      ..sigstore.default_options(),
      trust: [],
      signer: sigstore.Keys([key]),
      untimed: True,
    )
  let verify = fn(content) {
    sigstore.verify(bytes(signed.bundle), sigstore.Bytes(content), options)
  }
  case verify(<<"content":utf8>>), verify(<<"other":utf8>>) {
    Ok(_), Error(_) -> True
    _, _ -> False
  }
}

fn bytes(text: String) -> BitArray {
  <<text:utf8>>
}

fn has_text(failure: Failure, name: String, text: String) -> Bool {
  any(failure.details, fn(detail) { detail == #(name, error.Text(text)) })
}

fn fold(items: List(a), start: b, step: fn(b, a) -> b) -> b {
  case items {
    [] -> start
    [first, ..rest] -> fold(rest, step(start, first), step)
  }
}

fn traverse(
  items: List(a),
  read: fn(a) -> Result(b, Nil),
) -> Result(List(b), Nil) {
  case items {
    [] -> Ok([])
    [first, ..rest] ->
      case read(first), traverse(rest, read) {
        Ok(one), Ok(others) -> Ok([one, ..others])
        _, _ -> Error(Nil)
      }
  }
}

fn map(result: Result(a, Nil), with: fn(a) -> b) -> Result(b, Nil) {
  case result {
    Ok(value) -> Ok(with(value))
    Error(Nil) -> Error(Nil)
  }
}

fn all(items: List(a), holds: fn(a) -> Bool) -> Bool {
  !any(items, fn(item) { !holds(item) })
}

fn any(items: List(a), holds: fn(a) -> Bool) -> Bool {
  fold(items, False, fn(sofar, item) { sofar || holds(item) })
}

fn length(items: List(a)) -> Int {
  fold(items, 0, fn(count, _) { count + 1 })
}

@external(erlang, "hex_provenance_test_ffi", "cases")
fn all_cases() -> List(Case)

@external(erlang, "hex_provenance_test_ffi", "private_key")
fn private_key() -> String

@external(erlang, "hex_provenance_test_ffi", "public_key")
fn public_key(pem: String) -> String

@external(erlang, "hex_provenance_test_ffi", "sign")
fn sign_with(pem: String, request: signing.Request) -> Result(BitArray, String)

@external(erlang, "hex_provenance_test_ffi", "without_token")
fn without_token() -> Nil

@external(erlang, "hex_provenance_test_ffi", "with_environment")
fn with_environment(name: String, value: String, test_: fn() -> a) -> a

@external(erlang, "hex_provenance_test_ffi", "claim")
fn claim_named(name: String) -> Result(Claim, Nil)

@external(erlang, "hex_provenance_test_ffi", "fixture")
fn fixture(name: String) -> String

@external(erlang, "hex_provenance_test_ffi", "contents")
fn contents(name: String) -> String

@external(erlang, "hex_provenance_test_ffi", "contains")
fn contains(text: String, part: String) -> Bool

@external(erlang, "hex_provenance_test_ffi", "print")
fn print(text: String) -> Nil

@external(erlang, "hex_provenance_test_ffi", "finish")
fn finish(passed: Int, failed: Int, skipped: Int) -> Nil
