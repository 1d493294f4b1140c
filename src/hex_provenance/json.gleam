//// A decoded JSON document.

pub type Json {
  Null
  Bool(Bool)
  Int(Int)
  Float(Float)
  String(String)
  Array(List(Json))
  Object(List(#(String, Json)))
}

/// The member of that name, when `json` is an object that has it.
pub fn member(json: Json, name: String) -> Result(Json, Nil) {
  case json {
    Object([#(found, value), ..]) if found == name -> Ok(value)
    Object([_, ..rest]) -> member(Object(rest), name)
    _ -> Error(Nil)
  }
}
