//! `cargo run -p xtask [FOLDER]` writes everything that is generated from `src/capi`, in this project or in a copy of it.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = std::env::args_os().nth(1).map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")),
        PathBuf::from,
    );
    match write(&root) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn write(root: &std::path::Path) -> xtask::Result<()> {
    for output in xtask::outputs(root)? {
        let path = root.join(&output.path);
        if std::fs::read_to_string(&path).ok().as_ref() != Some(&output.text) {
            std::fs::write(&path, &output.text)?;
            println!("{}", output.path);
        }
    }
    Ok(())
}
