//// The names of what can happen to a package.

pub type Event {
  Publish
  Provenance
  Unpublish
  Retire
  Unretire
  Vulnerability
  Vex
  Owners
  Publishers
  Package
}
