//! Whether the machine, or the container, has room for more.

use std::fs;
use std::path::Path;

/// What is left to others, in bytes.
const SPARE: usize = 64 << 20;

/// Refuse to touch more than is there: to try would end this process, or another.
pub(super) fn check(more: usize) -> Result<(), String> {
    let needed = more.saturating_add(SPARE);
    let places = [
        ("the machine", of_machine()),
        ("the control group", of_group()),
    ];
    for (whose, left) in places {
        if let Some(left) = left.filter(|&left| left < needed) {
            return Err(format!(
                "{} MiB more are too many: {whose} has {} MiB left, and {} MiB are not touched",
                more >> 20,
                left >> 20,
                SPARE >> 20
            ));
        }
    }
    Ok(())
}

/// What the kernel says can be had without swapping.
fn of_machine() -> Option<usize> {
    available(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn available(meminfo: &str) -> Option<usize> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// What the control groups of this process, and those around them, leave.
fn of_group() -> Option<usize> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let root = Path::new("/sys/fs/cgroup");
    let inner = root.join(path);
    inner
        .ancestors()
        .take_while(|group| group.starts_with(root))
        .filter_map(left_in)
        .min()
}

/// What one group leaves; none if it has no limit.
fn left_in(group: &Path) -> Option<usize> {
    let number = |file| {
        fs::read_to_string(group.join(file))
            .ok()?
            .trim()
            .parse::<usize>()
            .ok()
    };
    Some(number("memory.max")?.saturating_sub(number("memory.current")?))
}

#[cfg(test)]
mod tests;
