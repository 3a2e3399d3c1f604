//! Reports for machines.

use serde::Serialize;
use serde_json::{Value, json};

/// The version of the layout. It changes when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// Wrap what was measured, with what says how to read it.
pub(super) fn report<T: Serialize>(name: &str, measured: &T) -> Value {
    let measured = serde_json::to_value(measured);
    json!({
        "tool": "fork-probe",
        "layout": VERSION,
        "kernel": kernel(),
        name: measured.unwrap_or_else(|error| json!({ "error": error.to_string() })),
    })
}

/// The kernel's release, with what its builder added.
fn kernel() -> String {
    let name = nix::sys::utsname::uname();
    name.map(|name| name.release().to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The kernel's version, such as `6.18.44`; whoever compares reports will want it.
pub(super) fn kernel_version() -> String {
    let release = kernel();
    let version = release.split('-').next();
    version.unwrap_or(&release).to_owned()
}
