//! `cargo xtask install-capi`: the C API where compilers and pkg-config find it.

use std::fs;
use std::path::Path;

use crate::run::{Outcome, command, root, run};

const CAPI: &str = "tools/heap-capi";

/// Build the C API, and copy libraries, headers and the pkg-config file below a prefix.
pub(crate) fn install(prefix: &Path) -> Outcome {
    let prefix = std::path::absolute(root().join(prefix)).map_err(|error| error.to_string())?;
    // A program that is linked with the file by its path would look for it at that path only.
    run(command(
        "cargo rustc --quiet --release --package heap-capi --lib --target-dir target/capi -- \
         -C link-arg=-Wl,-soname,libheap_capi.so",
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
    println!("export PKG_CONFIG_PATH={}", folder.display());
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

/// Install into the build folder, and build and run the examples by the very lines of the README.
pub(crate) fn check() -> Outcome {
    let prefix = root().join("target/capi/install");
    install(&prefix)?;
    let readme = root().join(CAPI).join("README.md");
    let text = fs::read_to_string(&readme).map_err(|error| said(&readme, &error))?;
    let lines = text
        .lines()
        .filter(|line| line.starts_with("cc ") && line.contains("pkg-config"));
    let mut count = 0;
    for line in lines {
        // It stands in the root, and its program goes where it is in nobody's way.
        let (compile, name) = line
            .split_once(" -o ")
            .ok_or_else(|| format!("no -o in {line}"))?;
        let program = prefix.join(name);
        let mut shell = command("sh -e -c");
        shell
            .arg(format!("{compile} -o {}", program.display()))
            .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
        println!("   {line}");
        run(shell)?;
        run(command(&program.display().to_string()))?;
        count += 1;
    }
    if count == 0 {
        return Err("the README has no line that compiles an example".to_owned());
    }
    Ok(())
}
