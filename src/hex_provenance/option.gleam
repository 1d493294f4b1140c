//// A value that may be absent. The same terms as the standard library's, which this library does without.

pub type Option(value) {
  Some(value)
  None
}
