//// The log's cases through the Gleam face, and what it adds.

import hex_provenance/error.{type Failure}
import hex_provenance/json.{type Json}
import hex_provenance/log.{type Entries, type Event, type Options, type Trust}
import hex_provenance/option.{type Option, None, Some}

/// A case, and what is called for it.
pub type Case {
  Case(
    name: String,
    call: Call,
    answer: BitArray,
    trust: String,
    options: List(#(String, Json)),
    expect: String,
    check: List(#(String, Json)),
  )
}

pub type Call {
  OfList
  OfEntry(log.Item)
  OfState(version: String, locked: Option(BitArray), chain: log.Chain)
}

/// Every case and every test, by name.
pub fn tests() -> List(#(String, fn() -> Bool)) {
  append(of_cases(cases()), [
    #("a trust file says what it is", fn() {
      let trust = trust("witnessed.json")
      let assert Ok(text) = log.trust_json(trust)
      let assert Ok(again) = log.trust(log.Json(<<text:utf8>>))
      case log.trust_info(trust) {
        Ok(info) ->
          info.origin == "log.example/hex"
          && log.trust_info(again) == Ok(info)
          && code(log.trust(log.Json(<<"{}":utf8>>))) == "trust_file_invalid"
        Error(_) -> False
      }
    }),
    #("a key change is followed", fn() {
      case log.rotate(change("rotation-log.json"), options("trust.json")) {
        Ok(next) -> {
          let assert Ok(info) = log.trust_info(next)
          case info.keys {
            [log.TrustedKey(purpose: log.Log, last_index: Some(4), ..), ..] ->
              True
            _ -> False
          }
        }
        Error(_) -> False
      }
    }),
    #("no list is no state", fn() {
      code(log.state([], "1.0.0", None, log.Whole)) == "option_invalid"
    }),
    #("a service is asked", fn() {
      serving("honest", "history.json", fn(url) {
        let service = log.service(url)
        let check = fn(version) {
          log.check(service, "a", version, None, options("trust.json"))
        }
        case check("1.0.0") {
          Ok(checked) ->
            checked.state.retired == Some(5)
            && code(check("9.9.9")) == "attestation_missing"
            && code(log.fetch(service, log.History("b"), options("trust.json")))
            == "transport_failed"
          Error(_) -> False
        }
      })
    }),
    #("a monitor finds what is wrong", fn() {
      serving("forked", "history.json", fn(url) {
        let options =
          log.MonitorOptions(
            ..log.default_monitor_options(log.service(url), trust("trust.json")),
            packages: ["a"],
            patience_ms: 1,
          )
        case log.monitor(options) {
          Ok(log.Report(misbehaviour: True, findings: found, ..)) ->
            any(found, fn(one) {
              one.kind == log.ForkedChain && one.index == Some(2)
            })
            && any(found, fn(one) { one.kind == log.OfWatched })
          _ -> False
        }
      })
    }),
  ])
}

fn of_cases(cases: List(Case)) -> List(#(String, fn() -> Bool)) {
  case cases {
    [] -> []
    [one, ..rest] -> [#(one.name, fn() { holds(one) }), ..of_cases(rest)]
  }
}

/// Options that this face's types do not allow are no case here.
fn holds(one: Case) -> Bool {
  case set(one.options, options(one.trust)) {
    Error(Nil) -> True
    Ok(options) ->
      case one.call {
        OfList ->
          judged(one, log.verify_list(one.answer, options), fn(found, check) {
            in_answer(check, found)
          })
        OfEntry(item) ->
          judged(one, log.verify_entry(item, options), fn(found, check) {
            in_event(check, found)
          })
        OfState(version, locked, chain) -> {
          let assert Ok(answer) = log.verify_list(one.answer, options)
          let assert [list, ..] = answer.lists
          judged(
            one,
            log.state([list], version, locked, chain),
            fn(found, check) { in_state(check, found) },
          )
        }
      }
  }
}

fn judged(
  one: Case,
  answer: Result(a, Failure),
  stands: fn(a, #(String, Json)) -> Bool,
) -> Bool {
  case answer {
    Ok(found) ->
      one.expect == "ok" && !any(one.check, fn(check) { !stands(found, check) })
    Error(failure) -> one.expect == error.code_name(failure.code)
  }
}

fn set(
  stated: List(#(String, Json)),
  options: Options,
) -> Result(Options, Nil) {
  case stated {
    [] -> Ok(options)
    [#("package", json.String(package)), ..rest] ->
      set(rest, log.Options(..options, package: Some(package)))
    [#("prefix", json.String(prefix)), ..rest] ->
      set(rest, log.Options(..options, prefix: prefix))
    [#("now", json.Int(now)), ..rest] ->
      set(rest, log.Options(..options, now: Some(now)))
    [#("max_age", json.Int(age)), ..rest] ->
      set(rest, log.Options(..options, max_age: Some(age)))
    [#("withheld", json.String("report")), ..rest] ->
      set(rest, log.Options(..options, refuse_withheld: False))
    _ -> Error(Nil)
  }
}

/// What a case says of a result, by the names the other languages have for it, as far as this face has types of its own.
fn in_answer(stated: #(String, Json), found: log.Answer) -> Bool {
  let assert [first, ..] = found.lists
  case stated {
    #("checkpoint.size", json.Int(size)) -> found.checkpoint.size == size
    #("checkpoint.witnessed", json.Bool(witnessed)) ->
      found.checkpoint.witnessed == witnessed
    #("withheld.length", json.Int(number)) -> length(found.withheld) == number
    #("linked.length", json.Int(number)) -> length(found.linked) == number
    #("next_after", json.Null) -> found.next_after == None
    #("lists.length", json.Int(number)) -> length(found.lists) == number
    _ -> in_list(stated, first)
  }
}

fn in_list(stated: #(String, Json), found: Entries) -> Bool {
  case stated {
    #("lists.0.whole", json.Bool(whole)) -> found.whole == whole
    #("lists.0.items.length", json.Int(number)) -> length(found.items) == number
    #("lists.0.package", json.String(package)) -> found.package == Some(package)
    #("lists.0.package", json.Null) -> found.package == None
    #("lists.0.head", json.String("absent")) -> found.head == log.NoEntry
    #("lists.0.head", json.Null) -> found.head == log.Unproven
    #("lists.0.head.index", json.Int(index)) ->
      case found.head {
        log.Head(index: actual, ..) -> actual == index
        _ -> False
      }
    #("lists.0.items.0.statement", json.Null) -> {
      let assert [event, ..] = found.items
      event.statement == None && event.links == None
    }
    _ -> True
  }
}

fn in_event(stated: #(String, Json), found: Event) -> Bool {
  case stated {
    #("index", json.Int(index)) -> found.index == index
    #("event", json.String("publish")) -> found.event == log.Publish
    #("version", json.String(version)) -> found.version == Some(version)
    #("seq", json.Int(seq)) -> found.seq == seq
    #("previous.index", json.Int(index)) ->
      case found.previous {
        Some(link) -> link.index == index
        None -> False
      }
    #("id", json.String(id)) -> found.id == id
    #("time", json.Int(time)) -> found.time == time
    _ -> True
  }
}

fn in_state(stated: #(String, Json), found: log.State) -> Bool {
  case stated {
    #("published.index", json.Int(index)) -> found.published.index == index
    #("retired", json.Int(index)) -> found.retired == Some(index)
    #("retired", json.Null) -> found.retired == None
    #("provenance.length", json.Int(number)) ->
      length(found.provenance) == number
    _ -> True
  }
}

fn options(file: String) -> Options {
  log.default_options(trust(file))
}

fn trust(file: String) -> Trust {
  let assert Ok(trust) = log.trust(log.File(trust_file(file)))
  trust
}

fn code(result: Result(a, Failure)) -> String {
  case result {
    Ok(_) -> "ok"
    Error(failure) -> error.code_name(failure.code)
  }
}

fn append(first: List(a), second: List(a)) -> List(a) {
  case first {
    [] -> second
    [one, ..rest] -> [one, ..append(rest, second)]
  }
}

fn any(items: List(a), holds: fn(a) -> Bool) -> Bool {
  case items {
    [] -> False
    [one, ..rest] -> holds(one) || any(rest, holds)
  }
}

fn length(items: List(a)) -> Int {
  case items {
    [] -> 0
    [_, ..rest] -> 1 + length(rest)
  }
}

@external(erlang, "hex_provenance_test_log_ffi", "cases")
fn cases() -> List(Case)

@external(erlang, "hex_provenance_test_log_ffi", "trust_file")
fn trust_file(name: String) -> String

@external(erlang, "hex_provenance_test_log_ffi", "change")
fn change(file: String) -> log.Item

@external(erlang, "hex_provenance_test_log_ffi", "serving")
fn serving(world: String, answer: String, test_: fn(String) -> Bool) -> Bool
