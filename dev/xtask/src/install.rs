//! `cargo xtask install-capi`: the C API where compilers and pkg-config find it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Outcome, command, output, root, run};

const CAPI: &str = "tools/heap-capi";

/// Build the C API, and copy libraries, headers and the pkg-config file below a prefix.
pub(crate) fn install(prefix: &Path) -> Outcome {
    let prefix = std::path::absolute(root().join(prefix)).map_err(|error| error.to_string())?;
    run(command(
        "cargo build --quiet --release --package heap-capi --target-dir target/capi",
    ))?;
    for library in ["libheap_capi.a", "libheap_capi.so"] {
        let built = root().join("target/capi/release").join(library);
        copy(&built, &prefix.join("lib"))?;
    }
    let headers = root().join(CAPI).join("include");
    for row in fs::read_dir(&headers).map_err(|error| said(&headers, &error))? {
        let header = row.map_err(|error| said(&headers, &error))?.path();
        copy(&header, &prefix.join("include/own-the-heap"))?;
    }
    let template = root().join(CAPI).join("heap-capi.pc.in");
    let text = fs::read_to_string(&template).map_err(|error| said(&template, &error))?;
    let text = text
        .replace("@PREFIX@", &prefix.display().to_string())
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"));
    let folder = prefix.join("lib/pkgconfig");
    let path = folder.join("heap-capi.pc");
    fs::create_dir_all(&folder).map_err(|error| said(&folder, &error))?;
    fs::write(&path, text).map_err(|error| said(&path, &error))?;
    println!("installed below {}", prefix.display());
    Ok(())
}

fn copy(file: &Path, folder: &Path) -> Outcome {
    fs::create_dir_all(folder).map_err(|error| said(folder, &error))?;
    let name = file.file_name().unwrap_or_default();
    fs::copy(file, folder.join(name)).map_err(|error| said(file, &error))?;
    Ok(())
}

fn said(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// Install into the build folder, and build and run every example as the README says.
pub(crate) fn check() -> Outcome {
    let prefix = root().join("target/capi/install");
    install(&prefix)?;
    let asked = |what: &str| {
        let mut ask = command(&format!("pkg-config {what} heap-capi"));
        ask.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
        let said = output(ask)?;
        Ok::<_, String>(String::from_utf8_lossy(&said.stdout).trim().to_owned())
    };
    let flags = asked("--cflags --libs")?;
    for name in ["request", "cache"] {
        let program: PathBuf = prefix.join(name);
        run(command(&format!(
            "cc -Wall -Wextra -Werror {CAPI}/examples/{name}.c {flags} -o {}",
            program.display()
        )))?;
        let mut example = command(&program.display().to_string());
        example.env("LD_LIBRARY_PATH", prefix.join("lib"));
        run(example)?;
    }
    Ok(())
}
