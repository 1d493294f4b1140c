//! Writes valid inputs of every target to `corpus/TARGET`, for libFuzzer to start from.

use std::path::Path;

fn main() -> std::io::Result<()> {
    for target in hex_provenance_fuzz::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
        std::fs::create_dir_all(&folder)?;
        let seeds = (target.seeds)();
        for (i, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{i:02}")), seed)?;
        }
        println!("{:12} {} seeds", target.name, seeds.len());
    }
    Ok(())
}
