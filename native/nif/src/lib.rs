//! NIF.
