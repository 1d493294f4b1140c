#![no_main]

hex_provenance_fuzz::target!(token);
