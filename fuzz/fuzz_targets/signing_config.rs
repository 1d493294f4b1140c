#![no_main]

hex_provenance_fuzz::target!(signing_config);
