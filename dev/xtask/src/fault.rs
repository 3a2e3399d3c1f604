//! malloc-fault as an engineer gets it: installed from a copy of the sources that is gone when it runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Outcome, command, display, output, root, run};

/// Install the command below a fresh root, take the sources away, and sweep a program from another folder.
pub(crate) fn check_installed() -> Outcome {
    let work = root().join("target/fault-install");
    let _ = fs::remove_dir_all(&work);
    let (sources, prefix) = (work.join("sources"), work.join("root"));
    copy_sources(&sources)?;
    // The profile is the one that an engineer gets; the build folder is that of the other checks.
    let mut install = command("cargo install --quiet --locked --offline --path tools/malloc-fault");
    install.current_dir(&sources).arg("--root").arg(&prefix);
    if std::env::var_os("CARGO_TARGET_DIR").is_none() {
        install.arg("--target-dir").arg(root().join("target"));
    }
    println!("   {}", display(&install));
    run(install)?;
    fs::remove_dir_all(&sources).map_err(|error| said(&sources, &error))?;
    let mut sweep = Command::new(prefix.join("bin/malloc-fault"));
    sweep
        .args(["sweep", "--json", "--count", "1", "--", "ls", "/"])
        .current_dir("/")
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    println!("   {}", display(&sweep));
    let report = sweep.output().map_err(|error| said(&prefix, &error))?;
    let text = String::from_utf8_lossy(&report.stdout);
    // 1 says that something was found in ls, which is no fault of this command.
    let swept = matches!(report.status.code(), Some(0 | 1)) && text.contains("\"verdict\":");
    if swept {
        Ok(())
    } else {
        let errors = String::from_utf8_lossy(&report.stderr);
        Err(format!(
            "the installed command swept nothing: {}: {errors}",
            report.status
        ))
    }
}

/// Copy what is under version control, or about to be.
fn copy_sources(to: &Path) -> Outcome {
    let listed = output(command("git ls-files --cached --others --exclude-standard"))?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for line in listed.lines() {
        let (from, to) = (root().join(line), to.join(line));
        if !from.is_file() {
            continue;
        }
        let folder = to.parent().map_or_else(PathBuf::new, Path::to_owned);
        fs::create_dir_all(&folder).map_err(|error| said(&folder, &error))?;
        fs::copy(&from, &to).map_err(|error| said(&from, &error))?;
    }
    Ok(())
}

fn said(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
