//// The contract cases through the Gleam face, and what it adds. Exits non-zero when one fails.

import hex_provenance/bundle
import hex_provenance/claim.{type Claim}
import hex_provenance/error.{type Failure}
import hex_provenance/event
import hex_provenance/evidence.{type Evidence}
import hex_provenance/json.{type Json}
import hex_provenance/option.{type Option, None, Some}
import hex_provenance/registry.{type Attestation}
import hex_provenance/signing
import hex_provenance/sigstore.{type Artifact, type Options, Options}
import hex_provenance/slsa.{type Judgement, type Rules}
import hex_provenance/trust_root
import hex_provenance_log_cases

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
  let counts = slsa_contract(slsa_cases(), counts)
  let counts = registry_contract(registry_cases(), registry_key(), counts)
  let counts = unit_tests() |> run(counts)
  let counts = hex_provenance_log_cases.tests() |> run(counts)
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

/// A case of the SLSA library: `expect` is `accepted`, the code of the first refusal, or that of the error. The level is -1
/// where nothing is said of it.
pub type SlsaCase {
  SlsaCase(
    name: String,
    bundle: BitArray,
    rules: Json,
    expect: String,
    level: Int,
    check: List(#(String, Json)),
  )
}

fn slsa_contract(cases: List(SlsaCase), counts: Counts) -> Counts {
  case cases {
    [] -> counts
    [one, ..rest] ->
      case rules(one.rules) {
        Error(Nil) ->
          slsa_contract(rest, Counts(..counts, skipped: counts.skipped + 1))
        Ok(rules) ->
          slsa_contract(rest, count(counts, one.name, judged(one, rules)))
      }
  }
}

fn judged(one: SlsaCase, rules: Rules) -> Bool {
  let options =
    Options(..slsa.any_signer(), trust: [
      sigstore.From(trust_root.File(fixture("trusted_root.json"))),
    ])
  let artifact = sigstore.File(fixture("artifact"))
  let assert Ok(evidence) = sigstore.verify(one.bundle, artifact, options)
  let folded = slsa.verify(one.bundle, artifact, options, rules)
  case slsa.judge(evidence, rules) {
    Error(failure) ->
      error.code_name(failure.code) == one.expect && folded == Error(failure)
    Ok(judgement) ->
      all(one.check, fn(c) { says(c, judgement) })
      && case slsa.enforce(judgement) {
        Ok(accepted) ->
          one.expect == "accepted"
          && judgement.accepted
          && judgement.level == one.level
          && folded == Ok(slsa.Verified(evidence, accepted))
        Error(failure) ->
          one.expect == error.code_name(failure.code)
          && folded == Error(failure)
      }
  }
}

fn says(stated: #(String, Json), found: Judgement) -> Bool {
  case stated {
    #("accepted", json.Bool(accepted)) -> found.accepted == accepted
    #("build_type", json.String(text)) -> found.build_type == text
    #("builder", json.String(text)) -> found.builder == text
    #("builder_row", json.String(text)) -> found.builder_row == Some(text)
    #("builder_row", json.Null) -> found.builder_row == None
    #("commit", json.String(text)) -> found.commit == Some(text)
    #("dialect", json.String("github_workflow")) ->
      found.dialect == Some(slsa.GithubWorkflow)
    #("dialect", json.Null) -> found.dialect == None
    #("invocation", json.String(text)) -> found.invocation == Some(text)
    #("issuer", json.String(text)) -> found.issuer == Some(text)
    #("reasons.length", json.Int(number)) -> length(found.reasons) == number
    #("ref", json.String(text)) -> found.ref == Some(text)
    #("refusals.length", json.Int(number)) -> length(found.refusals) == number
    #("signer", json.String(text)) -> found.signer == Some(text)
    #("source", json.String(text)) -> found.source == Some(text)
    #("subjects.length", json.Int(number)) -> length(found.subjects) == number
    #("trigger", json.String(text)) -> found.trigger == Some(text)
    #("unrecognised", json.Array(names)) ->
      length(found.unrecognised) == length(names)
    #("workflow", json.String(text)) -> found.workflow == Some(text)
    _ -> True
  }
}

/// Rules in this face's types.
fn rules(stated: Json) -> Result(Rules, Nil) {
  let assert json.Object(members) = stated
  fold(members, Ok(slsa.default_rules()), fn(sofar, member) {
    case sofar, member {
      Ok(r), #("expect", json.Object(expected)) ->
        map(expectations(expected), fn(e) { slsa.Rules(..r, expect: e) })
      Ok(r), #("builders", json.Array(rows)) ->
        map(traverse(rows, builder), fn(rows) {
          slsa.Rules(..r, builders: slsa.WellKnownAnd(rows))
        })
      Ok(r), #("builders", json.Object([#("only", json.Array(rows))])) ->
        map(traverse(rows, builder), fn(rows) {
          slsa.Rules(..r, builders: slsa.Only(rows))
        })
      Ok(r), #("build_types", json.Object([#("only", json.Array([]))])) ->
        Ok(slsa.Rules(..r, build_types: slsa.Only([])))
      Ok(r), #("limits", json.Object([#("statement_bytes", json.Int(n))])) ->
        Ok(slsa.Rules(..r, limits: [slsa.StatementBytes(n)]))
      _, _ -> Error(Nil)
    }
  })
}

fn expectations(
  members: List(#(String, Json)),
) -> Result(slsa.Expectations, Nil) {
  fold(members, Ok(slsa.no_expectations()), fn(sofar, member) {
    case sofar {
      Ok(expected) -> expectation(expected, member)
      Error(Nil) -> Error(Nil)
    }
  })
}

fn expectation(
  e: slsa.Expectations,
  member: #(String, Json),
) -> Result(slsa.Expectations, Nil) {
  case member {
    #("source_id", json.String(text)) ->
      Ok(slsa.Expectations(..e, source_id: Some(text)))
    #("owner_id", json.String(text)) ->
      Ok(slsa.Expectations(..e, owner_id: Some(text)))
    #("version", json.String(text)) ->
      Ok(slsa.Expectations(..e, version: Some(text)))
    #("version_tag", json.String(text)) ->
      Ok(slsa.Expectations(..e, version_tag: Some(text)))
    #("commit", json.String(text)) ->
      Ok(slsa.Expectations(..e, commit: Some(text)))
    #("signer_digest", json.String(text)) ->
      Ok(slsa.Expectations(..e, signer_digest: Some(text)))
    #("refs", json.Array(list)) ->
      map(traverse(list, matcher), fn(m) { slsa.Expectations(..e, refs: m) })
    #("build_types", json.Array(list)) ->
      map(traverse(list, matcher), fn(m) {
        slsa.Expectations(..e, build_types: m)
      })
    #("triggers", json.Array(list)) ->
      map(traverse(list, text), fn(t) { slsa.Expectations(..e, triggers: t) })
    #("only_these_inputs", json.Bool(only)) ->
      Ok(slsa.Expectations(..e, only_these_inputs: only))
    #("unrecognised", json.String("report")) ->
      Ok(slsa.Expectations(..e, refuse_unrecognised: False))
    #("inputs", json.Object(list)) ->
      map(traverse(list, input), fn(i) { slsa.Expectations(..e, inputs: i) })
    #("min_level", json.Int(level)) ->
      Ok(slsa.Expectations(..e, min_level: level))
    #(name, value) ->
      case matcher(value) {
        Ok(m) -> matching(e, name, Some(m))
        Error(Nil) -> Error(Nil)
      }
  }
}

fn matching(
  e: slsa.Expectations,
  name: String,
  m: Option(sigstore.Matcher),
) -> Result(slsa.Expectations, Nil) {
  case name {
    "source" -> Ok(slsa.Expectations(..e, source: m))
    "branch" -> Ok(slsa.Expectations(..e, branch: m))
    "tag" -> Ok(slsa.Expectations(..e, tag: m))
    "workflow" -> Ok(slsa.Expectations(..e, workflow: m))
    "signer" -> Ok(slsa.Expectations(..e, signer: m))
    "issuer" -> Ok(slsa.Expectations(..e, issuer: m))
    "runner_environment" -> Ok(slsa.Expectations(..e, runner_environment: m))
    "environment" -> Ok(slsa.Expectations(..e, environment: m))
    "visibility" -> Ok(slsa.Expectations(..e, visibility: m))
    "builder" -> Ok(slsa.Expectations(..e, builder: m))
    _ -> Error(Nil)
  }
}

fn input(stated: #(String, Json)) -> Result(#(String, slsa.Input), Nil) {
  case stated {
    #(name, json.String("absent")) -> Ok(#(name, slsa.Absent))
    #(name, json.Object([#("equal", value)])) -> Ok(#(name, slsa.Equal(value)))
    _ -> Error(Nil)
  }
}

fn text(stated: Json) -> Result(String, Nil) {
  case stated {
    json.String(text) -> Ok(text)
    _ -> Error(Nil)
  }
}

fn builder(stated: Json) -> Result(slsa.Builder, Nil) {
  let assert Ok(json.Object([#("workflow", workflow)])) =
    json.member(stated, "signer")
  let assert Ok(workflow) = matcher(workflow)
  let assert Ok(issuer) = json.member(stated, "issuer")
  let assert Ok(issuer) = matcher(issuer)
  let refs = case json.member(stated, "refs") {
    Ok(json.String("any")) -> slsa.AnyRef
    _ -> slsa.Releases(commits: [])
  }
  let own = case json.member(stated, "own_repository") {
    Ok(json.String(reason)) -> Some(reason)
    _ -> None
  }
  Ok(slsa.Builder(
    name: "ours",
    signer: slsa.Workflow(workflow),
    issuer: Some(issuer),
    instances: ["custom"],
    builder_id: slsa.Signer,
    build_types: [],
    runner_environment: None,
    refs: refs,
    own_repository: own,
    max_level: 3,
    reason: "ours",
    source: "",
  ))
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

/// A case of registry events: `expect` is `ok` or the error's code.
pub type RegistryCase {
  RegistryCase(
    name: String,
    event: BitArray,
    making: registry.Making,
    expected: registry.Expected,
    expect: String,
    check: List(#(String, Json)),
  )
}

fn registry_contract(
  cases: List(RegistryCase),
  key: #(signing.PrivateKey, BitArray),
  counts: Counts,
) -> Counts {
  case cases {
    [] -> counts
    [one, ..rest] ->
      registry_contract(rest, key, count(counts, one.name, made(one, key)))
  }
}

fn made(one: RegistryCase, key: #(signing.PrivateKey, BitArray)) -> Bool {
  case registry.statement_from_json(one.event, one.making) {
    Error(failure) -> error.code_name(failure.code) == one.expect
    Ok(unsigned) -> {
      let bundle = registry_signed(one.name, unsigned.statement, key.0)
      let spki = sigstore.Der(key.1)
      let options = registry.signed_with([sigstore.Key(spki, None, None, None)])
      made_of_parts(unsigned, one.making)
      && case registry.verify(bundle, None, options, one.expected) {
        Error(failure) -> error.code_name(failure.code) == one.expect
        Ok(found) ->
          one.expect == "ok"
          && found.evidence != None
          && found.statement == unsigned.statement
          && all(one.check, fn(c) { attests(c, found) })
      }
    }
  }
}

/// What a statement is read as makes the same statement.
fn made_of_parts(unsigned: registry.Unsigned, making: registry.Making) -> Bool {
  let expected = registry.Expected(..registry.anything(), prefix: making.prefix)
  let assert Ok(read) = registry.read(unsigned.statement, expected)
  let event =
    registry.Event(
      package: read.name,
      registry: Some(read.registry),
      repository: Some(read.repository),
      event_id: read.event_id,
      occurred_at: read.occurred_at,
      actor: read.actor,
      releases: read.releases,
      details: read.details,
    )
  registry.statement(event, making) == Ok(unsigned)
}

fn attests(stated: #(String, Json), found: Attestation) -> Bool {
  case stated, found.details {
    #("event", json.String("publish")), _ -> found.event == event.Publish
    #("event", json.String("retire")), _ -> found.event == event.Retire
    #("event_id", json.String(text)), _ -> found.event_id == text
    #("occurred_at", json.String(text)), _ -> found.occurred_at == text
    #("time", json.Int(time)), _ -> found.time == time
    #("registry", json.String(text)), _ -> found.registry == text
    #("repository", json.String(text)), _ -> found.repository == text
    #("package", json.String(text)), _ -> found.package == text
    #("name", json.String(text)), _ -> found.name == text
    #("version", json.String(text)), _ -> found.version == Some(text)
    #("version", json.Null), _ -> found.version == None
    #("releases.length", json.Int(number)), _ ->
      length(found.releases) == number
    #("subjects.length", json.Int(number)), _ ->
      length(found.subjects) == number
    #("linked.length", json.Int(number)), _ -> length(found.linked) == number
    #("actor.id", json.String(text)), _ ->
      found.actor == registry.User(text)
      || found.actor == registry.System(Some(text))
    #("actor.ref", json.String(text)), _ ->
      case found.actor {
        registry.Oidc(ref: ref, ..) -> ref == Some(text)
        _ -> False
      }
    #("details.provenance.length", json.Int(number)),
      registry.Publish(provenance: links, ..)
    -> length(links) == number
    #("details.reason", json.String(text)), registry.Unpublish(reason) ->
      reason == Some(text)
    #("details.reason", json.String("security")), registry.Retire(reason, _) ->
      reason == registry.Security
    #("details.message", json.String(text)), registry.Retire(_, message) ->
      message == Some(text)
    #("details.state", json.String("published")),
      registry.Vulnerability(_, state)
    -> state == registry.Published
    #("details.statements.length", json.Int(number)),
      registry.Vex(_, statements)
    -> length(statements) == number
    #("details.action", json.String("add")), registry.Owners(action, ..) ->
      action == registry.Add
    #("details.action", json.String("add")), registry.Publishers(action, ..) ->
      action == registry.AddPublisher
    #("details.owner", json.String(text)), registry.Owners(owner: owner, ..) ->
      owner == text
    #("details.owner", json.String(text)), registry.Package(owner: owner, ..) ->
      owner == Some(text)
    _, _ -> True
  }
}

fn unit_tests() -> List(UnitTest) {
  [
    #("an event is made, signed and put together again", fn() {
      let digest = <<0:size(256)>>
      let published =
        registry.Event(
          ..registry.event_of("phoenix"),
          event_id: "e1",
          occurred_at: "2026-01-31T12:00:00Z",
          actor: registry.User("chrismccord"),
          releases: [registry.Release("1.8.1", digest)],
          details: registry.Publish(provenance: [], replaces: None),
        )
      let making = registry.default_making()
      let assert Ok(unsigned) = registry.statement(published, making)
      let assert Ok(key) = signing.load_key(signing.Pem(private_key()), None)
      let options =
        signing.Options(
          ..signing.default_options(),
          as_: signing.Key(key),
          services: signing.NoServices,
        )
      let assert Ok(signed) =
        registry.sign(unsigned.statement, making.prefix, options)
      let assert evidence.KeySigner(hint: hint, ..) = signed.evidence.signer
      let emailed =
        registry.Event(..published, actor: registry.User("me@example.com"))
      let two =
        registry.Event(..published, releases: [
          registry.Release("1.8.1", digest),
          registry.Release("1.8.2", digest),
        ])
      unsigned.event == event.Publish
      && unsigned.version == Some("1.8.1")
      && registry.bundle(unsigned.statement, signed.signature, hint)
      == Ok(signed.bundle)
      && result_code(registry.statement(emailed, making)) == "event_invalid"
      && result_code(registry.statement(two, making)) == "event_invalid"
      && registry.statements_from_json(<<"{\"events\":[]}":utf8>>, making)
      == Ok([])
      && result_code(registry.sign(<<"{}":utf8>>, making.prefix, options))
      == "statement_invalid"
    }),
    #("a record tells what changed", fn() {
      let assert [one, ..] = slsa_cases()
      let assert Ok(judgement) =
        slsa.judge(evidence_of(one), slsa.default_rules())
      let assert Ok(record) = slsa.record(judgement)
      slsa.changes(record, judgement) == Ok([])
      && slsa.changes([#("source", "https://example.com/a/b")], judgement)
      != Ok([])
      && result_code(slsa.changes([#("colour of it", "red")], judgement))
      == "option_invalid"
    }),
    #("a judgement is summarised", fn() {
      let assert [one, ..] = slsa_cases()
      let about =
        slsa.About(
          verifier: "https://verifier.example",
          time_verified: Some("2026-11-24T12:00:00Z"),
          resource_uri: "pkg:hex/app@1.2.3",
          policy: slsa.Resource(
            name: None,
            uri: Some("https://policy.example"),
            digests: [],
          ),
          input_attestations: [],
          carried: ["SLSA_SOURCE_LEVEL_2"],
        )
      let evidence = evidence_of(one)
      let expected =
        slsa.SummaryExpectations(
          verifiers: [],
          resource_uri: "pkg:hex/app@1.2.3",
          levels: ["SLSA_BUILD_LEVEL_1"],
        )
      case slsa.summarise(evidence, slsa.default_rules(), about) {
        Ok(statement) ->
          contains(statement, "SLSA_BUILD_LEVEL_1")
          && contains(statement, "SLSA_SOURCE_LEVEL_2")
          && result_code(slsa.verify_summary(evidence, expected))
          == "predicate_unsupported"
        Error(_) -> False
      }
    }),
    #("provenance is written from claims or not at all", fn() {
      let production =
        slsa.Production(
          subjects: [],
          build_type: None,
          inputs: None,
          unverified: [],
        )
      result_code(slsa.provenance(slsa.Github, [], production))
      == "token_claim_invalid"
    }),
    #("a bundle is explained", fn() {
      let assert [one, ..] = slsa_cases()
      case slsa.explain(one.bundle) {
        Ok(text) ->
          contains(text, "NOT VERIFIED") && contains(text, "octo-repo")
        Error(_) -> False
      }
    }),
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

fn evidence_of(one: SlsaCase) -> Evidence {
  let options =
    Options(..slsa.any_signer(), trust: [
      sigstore.From(trust_root.File(fixture("trusted_root.json"))),
    ])
  let artifact = sigstore.File(fixture("artifact"))
  let assert Ok(evidence) = sigstore.verify(one.bundle, artifact, options)
  evidence
}

fn result_code(result: Result(a, Failure)) -> String {
  case result {
    Ok(_) -> "ok"
    Error(failure) -> error.code_name(failure.code)
  }
}

@external(erlang, "hex_provenance_test_ffi", "slsa_cases")
fn slsa_cases() -> List(SlsaCase)

@external(erlang, "hex_provenance_test_ffi", "registry_cases")
fn registry_cases() -> List(RegistryCase)

@external(erlang, "hex_provenance_test_ffi", "registry_key")
fn registry_key() -> #(signing.PrivateKey, BitArray)

@external(erlang, "hex_provenance_test_ffi", "registry_signed")
fn registry_signed(
  name: String,
  statement: BitArray,
  key: signing.PrivateKey,
) -> BitArray

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
